import Distillation
import Evaluation
import Files
import Foundation
import Models
import Tensors
import Tokenizers

/// What a side wrote to each prompt, and what it took.
struct GeneratedTexts {
    var texts: [String] = []
    var latencies: [Double?] = []
    var promptTokens: [Int?] = []
    var completionTokens: [Int?] = []

    /// Refuses prompts that the decoder at `place` cannot continue, before hours go into those that it can.
    ///
    /// - Throws: `InputErrors` naming the rows.
    static func requireRoom(for examples: ExampleRows, in place: URL) throws {
        let model = try LoadedDecoder(place)
        let positions = model.runner.configuration.maximumPositions
        let problems = examples.texts.enumerated().compactMap { row, text -> InputError? in
            let count = model.tokenizer.encoding(of: text).ids.count
            guard count == 0 || count > positions else { return nil }
            return InputError(
                file: examples.places[row],
                problem: count == 0
                    ? "an empty text has nothing to continue"
                    : "the text has \(count) tokens, \(place.relativePath) \(positions) positions",
                remedy: count == 0 ? "give at least one character" : "give a shorter text")
        }
        guard problems.isEmpty else { throw InputErrors(ExampleRows.capped(problems, file: examples.file)) }
    }

    /// Continues each prompt greedily, one after the other.
    init(
        continuing prompts: [String], with place: URL, maxTokens: Int, progress: (Int, Int) throws -> Void
    ) throws {
        let model = try LoadedDecoder(place)
        let clock = ContinuousClock()
        for (index, prompt) in prompts.enumerated() {
            let start = clock.now
            let tokens = model.tokenizer.encoding(of: prompt).ids
            var continuation = try Continuation(
                of: tokens, by: model.runner, sampling: .greedy, limit: maxTokens, sample: index + 1,
                endTokens: model.endTokens)
            while try continuation.next() != nil {}
            texts.append(model.tokenizer.decode(continuation.tokens, skippingSpecialTokens: true))
            latencies.append(start.duration(to: clock.now) / .milliseconds(1))
            promptTokens.append(tokens.count)
            completionTokens.append(continuation.tokens.count)
            try progress(index + 1, prompts.count)
        }
    }

    /// - Parameter text: what of an answer is its text.
    init(
        _ answers: RecordedAnswers, _ examples: ExampleRows, text: (RecordedAnswer) -> String? = { $0.text }
    ) throws {
        texts = try answers.values("text", examples, text)
        latencies = answers.rows.map(\.latency)
        promptTokens = answers.rows.map(\.promptTokens)
        completionTokens = answers.rows.map(\.completionTokens)
    }

    /// Classifies each prompt by itself: the text is the class. An exported graph is not timed: other runtimes serve it.
    init(classifying prompts: [String], with model: LoadedModel, progress: (Int, Int) throws -> Void) throws {
        let configuration = model.classifier.configuration
        let clock = ContinuousClock()
        for (index, prompt) in prompts.enumerated() {
            let start = clock.now
            let tokens = model.tokenizer.encode(prompt, maxLength: configuration.longestText)
            let logits = try model.classifier.logits(of: [tokens])
            texts.append(configuration.labels[Predictions(logits: logits, classes: logits.count).labels[0]])
            latencies.append(model.graph == nil ? start.duration(to: clock.now) / .milliseconds(1) : nil)
            promptTokens.append(tokens.count)
            // It writes none.
            completionTokens.append(0)
            try progress(index + 1, prompts.count)
        }
    }

    /// Where every row's time is known.
    var latency: LatencySummary? {
        let times = latencies.compactMap { $0 }.filter { $0.isFinite && $0 > 0 }.sorted()
        guard !times.isEmpty, times.count == texts.count else { return nil }
        return LatencySummary(
            p50: Quantile.linear(times, 0.5), p90: Quantile.linear(times, 0.9), p99: Quantile.linear(times, 0.99),
            queries: times.count, threads: Threads.count)
    }
}

/// Says how near texts are in meaning: the cosine of their embeddings.
struct TextSimilarity {
    private let model: LoadedModel

    /// - Throws: `InputError` for a model that does not embed.
    init(_ path: String) throws {
        model = try LoadedModel(URL(fileURLWithPath: path), isOnlyRun: true)
        guard model.classifier.configuration.head == .embedding else {
            throw InputError(
                file: path, problem: "is no embedding model", remedy: "give a sentence-transformers directory")
        }
    }

    /// The cosine of each pair, −1…1.
    func cosines(_ a: [String], _ b: [String]) throws -> [Double] {
        let configuration = model.classifier.configuration
        let rows = model.tokenizer.encode(a + b, maxLength: configuration.longestText)
        let outputs = TextOutputs(
            values: try model.classifier.logits(of: rows), width: configuration.outputWidth)
        return outputs.cosines(a.indices.map { ($0, a.count + $0) })
    }
}
