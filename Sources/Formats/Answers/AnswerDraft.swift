/// What was read of an answer's line so far; members may come in any order.
struct AnswerDraft {
    private(set) var customID: String?
    private(set) var model: String?
    private var status: Int?
    private var error: String?
    private var choice: Choice?

    /// The first choice.
    private struct Choice {
        var finish: String?
        var refusal: String?
        var tokens: [AnswerTokens.Entry]?
    }

    /// A member of a Batch-API result, of its response, or of a completion: their keys do not clash.
    ///
    /// - Parameter depth: of the object that the member belongs to: a result, its response, the body of that.
    mutating func readMember(
        _ key: String, _ parser: inout JSONLineParser, depth: Int = 0
    ) throws(JSONLineError) {
        if parser.passNull() { return }
        switch key {
        case "custom_id": customID = try parser.scalar(key)
        case "status_code": status = try parser.integer(key)
        case "model": model = try parser.scalar(key)
        case "error": error = try Self.error(&parser)
        case "response" where depth == 0, "body" where depth == 1:
            try parser.object(key) { (key, parser) throws(JSONLineError) in
                try readMember(key, &parser, depth: depth + 1)
            }
        case "choices":
            try parser.forEachElement(key) { (index, parser) throws(JSONLineError) in
                guard index == 0 else { return try parser.skipValue(depth: 4) }
                var choice = Choice()
                try parser.object("choices[0]") { (key, parser) throws(JSONLineError) in
                    try Self.readChoice(key, &parser, &choice)
                }
                self.choice = choice
            }
        default: try parser.skipValue(depth: 4)
        }
    }

    /// What an error says, whether it is a text or an object with a message.
    private static func error(_ parser: inout JSONLineParser) throws(JSONLineError) -> String {
        guard parser.next() == UInt8(ascii: "{") else { return try parser.scalar("error") }
        var message: String?
        try parser.object("error") { (key, parser) throws(JSONLineError) in
            if parser.passNull() { return }
            guard key == "message" else { return try parser.skipValue(depth: 4) }
            message = try parser.scalar(key)
        }
        return message ?? "the server named no reason"
    }

    private static func readChoice(
        _ key: String, _ parser: inout JSONLineParser, _ choice: inout Choice
    ) throws(JSONLineError) {
        if parser.passNull() { return }
        switch key {
        case "finish_reason": choice.finish = try parser.scalar(key)
        case "message":
            try parser.object(key) { (key, parser) throws(JSONLineError) in
                if parser.passNull() { return }
                guard key == "refusal" else { return try parser.skipValue(depth: 6) }
                choice.refusal = try parser.scalar(key)
            }
        case "logprobs": choice.tokens = try AnswerTokens.read(&parser)
        default: try parser.skipValue(depth: 6)
        }
    }

    var outcome: APIAnswer.Outcome {
        if let status, !(200..<300).contains(status) {
            return .unusable(.failed, "the request failed with status \(status)" + (error.map { ": \($0)" } ?? ""))
        }
        if let error { return .unusable(.failed, "the request failed: \(error)") }
        guard let choice else { return .unusable(.failed, "the response holds no choices") }
        if let refusal = choice.refusal, !refusal.isEmpty {
            return .unusable(.refused, "the model refused: \(refusal.prefix(80))")
        }
        if choice.finish == "content_filter" { return .unusable(.refused, "a content filter cut the answer off") }
        guard let entries = choice.tokens, !entries.isEmpty else {
            return .unusable(.withoutLogProbabilities, "the answer has no log-probabilities")
        }
        do throws(JSONLineError) {
            return .tokens(try AnswerTokens.tokens(entries))
        } catch {
            return .unusable(.malformed, error.problem)
        }
    }
}
