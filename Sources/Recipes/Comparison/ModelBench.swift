import Distillation
public import Evaluation
import Files
import Formats
import Foundation
import Models
import Tensors
import Tokenizers

/// What models cost to run: times, throughput, memory, size, and energy where the machine tells.
public struct ModelBench {
    public struct Options: Sendable {
        public var queries = 200
        public var warmUp = 20
        public var batch = 32
        /// Passes over batches.
        public var batches = 10
        public var maxTokens = 32

        public init() {}
    }

    /// One model's costs. Times are in milliseconds.
    public struct Result: Sendable, Encodable {
        public var path: String
        public var parameters: Int
        public var bytes: Int?
        /// Of a process of its own that loads the model, and its peak memory after a few queries; see `ModelProbe`.
        public var loadMs: Double?
        public var peakMb: Double?
        /// One query after another: from the text to the answer.
        public var single: LatencySummary
        public var tokensPerSecond: Double
        public var textsPerSecond: Double
        /// The two parts of a language model's answers; nil of an encoder.
        public var generation: Generation?
        /// In batches; nil of a language model, which answers one prompt at a time.
        public var batched: Batched?
        /// Joules per text in single queries, of the processor packages; nil where the machine does not report it.
        public var joulesPerText: Double?
    }

    /// A language model's answers: until the prompt is read, and token by token after that.
    public struct Generation: Sendable, Encodable {
        public var firstTokenMs: LatencySummary
        public var promptTokensPerSecond: Double
        /// nil where every answer ended after one token.
        public var decodedTokensPerSecond: Double?
    }

    public struct Batched: Sendable, Encodable {
        public var batch: Int
        public var latencyMs: LatencySummary
        public var tokensPerSecond: Double
        public var textsPerSecond: Double
        public var joulesPerText: Double?
    }

    private let subjects: [BenchSubject]
    private let texts: [String]
    private let options: Options

    /// - Parameters:
    ///   - paths: of one model, or of two that are timed in turn.
    ///   - texts: the queries, taken in turn.
    public init(_ paths: [String], texts: [String], _ options: Options) throws {
        subjects = try paths.map { try BenchSubject($0, maxTokens: options.maxTokens) }
        self.texts = texts
        self.options = options
    }

    /// Whether models are timed in batches too: encoders are.
    public var isBatched: Bool { subjects.allSatisfy(\.takesBatches) }

    /// Whether a model answers with tokens: language models do.
    public var generates: Bool { !isBatched }

    /// Times every model; of two, queries and batches alternate, and so does which of them is first.
    ///
    /// - Parameter progress: hears how many of how many queries are done; what it throws ends the work.
    public func results(progress: (Int, Int) throws -> Void) throws -> [Result] {
        for subject in subjects {
            for query in 0..<options.warmUp { _ = try subject.answer(texts[query % texts.count]) }
        }
        let meter = EnergyMeter()
        var single = subjects.map { _ in Times() }
        for query in 0..<options.queries {
            for index in Self.order(subjects.count, query) {
                try single[index].measure(texts: 1, meter) { try subjects[index].answer(texts[query % texts.count]) }
            }
            if query % 8 == 0 { try progress(query, options.queries) }
        }
        try progress(options.queries, options.queries)
        var batched = subjects.map { _ in Times() }
        for round in 0..<(isBatched ? options.batches + 1 : 0) {
            let chosen = (0..<options.batch).map { texts[(round * options.batch + $0) % texts.count] }
            for index in Self.order(subjects.count, round) {
                // The first round warms up.
                if round == 0 {
                    _ = try subjects[index].answers(chosen)
                } else {
                    try batched[index].measure(texts: chosen.count, meter) {
                        .init(tokens: try subjects[index].answers(chosen))
                    }
                }
            }
        }
        return try subjects.indices.map { index in
            let (subject, times) = (subjects[index], single[index])
            return Result(
                path: subject.path, parameters: subject.parameters, bytes: try subject.bytes(), single: times.summary,
                tokensPerSecond: times.tokensPerSecond, textsPerSecond: times.textsPerSecond,
                generation: times.generation,
                batched: isBatched
                    ? Batched(
                        batch: options.batch, latencyMs: batched[index].summary,
                        tokensPerSecond: batched[index].tokensPerSecond, textsPerSecond: batched[index].textsPerSecond,
                        joulesPerText: batched[index].joulesPerText) : nil,
                joulesPerText: times.joulesPerText)
        }
    }

    private static func order(_ count: Int, _ round: Int) -> [Int] {
        round.isMultiple(of: 2) ? Array(0..<count) : (0..<count).reversed()
    }
}

/// Times of one model, and what was done in them.
private struct Times {
    private var milliseconds: [Double] = []
    private var answers: [BenchSubject.Answer] = []
    private var texts = 0
    private var joules: Double? = 0

    mutating func measure(texts: Int, _ meter: EnergyMeter?, _ body: () throws -> BenchSubject.Answer) rethrows {
        let before = meter?.joules()
        let clock = ContinuousClock()
        let start = clock.now
        answers.append(try body())
        milliseconds.append(start.duration(to: clock.now) / .milliseconds(1))
        self.texts += texts
        if let meter, let before, let used = meter.joules(since: before) {
            joules = joules.map { $0 + used }
        } else {
            joules = nil
        }
    }

    private var seconds: Double { milliseconds.reduce(0, +) / 1000 }
    var tokensPerSecond: Double { Double(answers.reduce(0) { $0 + $1.tokens }) / max(seconds, 1e-9) }
    var textsPerSecond: Double { Double(texts) / max(seconds, 1e-9) }
    var joulesPerText: Double? { joules.map { $0 / Double(max(1, texts)) } }

    var summary: LatencySummary { Self.summary(milliseconds) }

    var generation: ModelBench.Generation? {
        let prompts = answers.compactMap(\.prompt)
        guard !prompts.isEmpty else { return nil }
        let reading = prompts.reduce(0) { $0 + $1.milliseconds } / 1000
        // The first token of an answer comes with the prompt.
        let decoded = answers.reduce(0) { $0 + max(0, $1.tokens - 1) }
        return ModelBench.Generation(
            firstTokenMs: Self.summary(prompts.map(\.milliseconds)),
            promptTokensPerSecond: Double(prompts.reduce(0) { $0 + $1.tokens }) / max(reading, 1e-9),
            decodedTokensPerSecond: decoded == 0 ? nil : Double(decoded) / max(seconds - reading, 1e-9))
    }

    private static func summary(_ milliseconds: [Double]) -> LatencySummary {
        let sorted = milliseconds.sorted()
        return LatencySummary(
            p50: Quantile.linear(sorted, 0.5), p90: Quantile.linear(sorted, 0.9), p99: Quantile.linear(sorted, 0.99),
            queries: sorted.count, threads: Threads.count)
    }
}
