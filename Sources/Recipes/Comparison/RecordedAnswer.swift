import Foundation

/// One line of recorded answers: what `retort predict` writes, or a response of an OpenAI-compatible API.
///
/// | key | what |
/// |---|---|
/// | `id`, or `custom_id` | the row; without any, lines count from 1 |
/// | `label`, `scores` or `logits` | of a classifier; scores are probabilities by class, whose sum is 1 but for 0.01; a label beside them is a likeliest class |
/// | `value` | of a regression |
/// | `embedding` | of an embedding model |
/// | `text`, `answer`, `output`, or a choice's `message.content` or `text` | generated |
/// | `latency_ms`, `prompt_tokens`, `completion_tokens`, or `usage` | what the answer took, where it is known |
struct RecordedAnswer: Decodable {
    var id: String?
    var label: String?
    var scores: [String: Double]?
    var logits: [Double]?
    var value: Double?
    var embedding: [Double]?
    var text: String?
    var latency: Double?
    var promptTokens: Int?
    var completionTokens: Int?
    /// Why there is no answer.
    var failure: String?

    /// What no answer can have, as numbers are compared in float32 and added up.
    var fault: (field: String, problem: String)? {
        func isFar(_ value: Double) -> Bool { !(abs(value) <= 1e15) }
        func isNoCount(_ tokens: Int?) -> Bool { tokens.map { !(0...1_000_000_000).contains($0) } ?? false }
        let absurd = "a number that no answer can have; expected numbers up to 1e15, tokens from 0 to 1e9"
        if let value, isFar(value) { return ("value", absurd) }
        if embedding?.contains(where: isFar) ?? false { return ("embedding", absurd) }
        if logits?.contains(where: isFar) ?? false { return ("logits", absurd) }
        if let latency, !(0...1e12).contains(latency) { return ("latency_ms", absurd) }
        if isNoCount(promptTokens) { return ("prompt_tokens", absurd) }
        if isNoCount(completionTokens) { return ("completion_tokens", absurd) }
        return scores.flatMap(fault)
    }

    /// Scores that are rounded to two decimals, or cut off, add up to nearly 1.
    private static let scoreSlack = 0.01

    private func fault(_ scores: [String: Double]) -> (field: String, problem: String)? {
        let sorted = scores.sorted { $0.key < $1.key }
        if let odd = sorted.first(where: { !(0...1 + Self.scoreSlack).contains($0.value) }) {
            return ("scores", "\(odd.value) of \(odd.key) is no probability")
        }
        let sum = sorted.reduce(0) { $0 + $1.value }
        guard abs(sum - 1) <= Self.scoreSlack else {
            return ("scores", "they add up to \(Float(sum)), probabilities to 1; logits have a key of their own")
        }
        guard let label else { return nil }
        guard let own = scores[label] else {
            return ("label", "\"\(label.prefix(40))\" is none of the classes of scores")
        }
        if let best = sorted.first(where: { $0.value > own + 1e-6 }) {
            return ("label", "\"\(label.prefix(40))\" has the score \(own), and \(best.key) \(best.value)")
        }
        return nil
    }

    private enum Key: String, CodingKey {
        case id, label, scores, logits, value, embedding, text, answer, output, choices, response, usage, error
        case customID = "custom_id"
        case latency = "latency_ms"
        case promptTokens = "prompt_tokens"
        case completionTokens = "completion_tokens"
    }

    private struct Usage: Decodable {
        var promptTokens: Int?
        var completionTokens: Int?

        enum CodingKeys: String, CodingKey {
            case promptTokens = "prompt_tokens"
            case completionTokens = "completion_tokens"
        }
    }

    private struct Choice: Decodable {
        struct Message: Decodable {
            var content: String?
            var refusal: String?
        }

        var message: Message?
        var text: String?
    }

    private struct Body: Decodable {
        var choices: [Choice]?
        var usage: Usage?
    }

    private struct Response: Decodable {
        var status: Int?
        var body: Body?

        enum CodingKeys: String, CodingKey {
            case body
            case status = "status_code"
        }
    }

    init(from decoder: any Swift.Decoder) throws {
        let object = try decoder.container(keyedBy: Key.self)
        func word(_ key: Key) throws -> String? {
            if let number = try? object.decodeIfPresent(Int.self, forKey: key) { return String(number) }
            return try object.decodeIfPresent(String.self, forKey: key)
        }
        id = try word(.customID) ?? word(.id)
        label = try word(.label)
        scores = try object.decodeIfPresent([String: Double].self, forKey: .scores)
        logits = try object.decodeIfPresent([Double].self, forKey: .logits)
        value = try object.decodeIfPresent(Double.self, forKey: .value)
        embedding = try object.decodeIfPresent([Double].self, forKey: .embedding)
        latency = try object.decodeIfPresent(Double.self, forKey: .latency)
        promptTokens = try object.decodeIfPresent(Int.self, forKey: .promptTokens)
        completionTokens = try object.decodeIfPresent(Int.self, forKey: .completionTokens)
        for key in [Key.text, .answer, .output] where text == nil {
            text = try object.decodeIfPresent(String.self, forKey: key)
        }
        let response = try object.decodeIfPresent(Response.self, forKey: .response)
        let choices = try response?.body?.choices ?? object.decodeIfPresent([Choice].self, forKey: .choices)
        let usage = try response?.body?.usage ?? object.decodeIfPresent(Usage.self, forKey: .usage)
        promptTokens = promptTokens ?? usage?.promptTokens
        completionTokens = completionTokens ?? usage?.completionTokens
        if let choice = choices?.first {
            text = text ?? choice.message?.content ?? choice.text
            if text == nil { failure = choice.message?.refusal.map { "refused: \($0)" } ?? "the choice has no text" }
        }
        if let status = response?.status, status != 200 { failure = "the response has status \(status)" }
        if object.contains(.error), (try? object.decodeNil(forKey: .error)) == false { failure = "the request failed" }
    }
}
