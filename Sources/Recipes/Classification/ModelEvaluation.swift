public import Distillation
public import Evaluation
import Files
import Formats
import Foundation
import Models
import Tensors
import Tokenizers

/// Runs models over the same labelled rows.
public struct ModelEvaluation {
    private let texts: [String]
    private let queries: Int
    private let batch: Int
    private let maxLength: Int
    /// The rows as the report needs them.
    public let data: EvaluationData

    /// - Parameters:
    ///   - labels: class names in the order of the logits; each row's label is one of them.
    ///   - queries: single inputs that are timed.
    ///   - maxLength: longest input in word pieces; each model's own limit applies as well.
    public init(rows: ClassificationRows, labels: [String], queries: Int, maxLength: Int = .max) {
        let index = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($0.element, $0.offset) })
        self.init(
            texts: rows.texts,
            data: EvaluationData(
                labels: rows.labels.map { index[$0]! }, classNames: labels, texts: rows.texts,
                ids: (0..<rows.count).map(rows.place), slices: Slice.byLength(rows.texts)),
            queries: queries, maxLength: maxLength)
    }

    /// - Parameters:
    ///   - data: of the same rows as `texts`.
    ///   - queries: single inputs that are timed; 0 times none.
    ///   - batch: texts per pass.
    public init(texts: [String], data: EvaluationData, queries: Int, maxLength: Int = .max, batch: Int = 64) {
        self.texts = texts
        self.data = data
        self.queries = queries
        self.maxLength = maxLength
        self.batch = batch
    }

    /// Logits of every row, and the latency of single queries.
    ///
    /// - Parameter path: how the report names the model's place; by default the place it was read from.
    public func result(_ model: LoadedModel, key: String, name: String, path: String? = nil) throws -> ModelResult {
        let configuration = model.classifier.configuration
        let length = min(maxLength, configuration.longestText)
        let logits = try model.classifier.logits(of: model.tokenizer.encode(texts, maxLength: length), batch: batch)
        return ModelResult(
            key: key, name: name, path: path ?? model.place.relativePath, parameters: model.classifier.parameterCount,
            bytes: try model.bytes(), logits: logits, heads: configuration.heads,
            feedForward: configuration.feedForward,
            latency: try model.latency(of: texts, queries: queries, maxLength: maxLength))
    }
}

extension LoadedModel {
    /// Of single queries: what a user waits for, from the text to the answer. Nil for no queries, and of exported graphs:
    /// other runtimes serve them.
    func latency(of texts: [String], queries: Int, maxLength: Int = .max) throws -> LatencySummary? {
        guard queries > 0, graph == nil else { return nil }
        let length = min(maxLength, classifier.configuration.longestText)
        return try Latency.measure(queries: queries, warmUp: min(20, queries), threads: Threads.count) { query in
            let tokens = tokenizer.encode(texts[query % texts.count], maxLength: length)
            _ = try classifier.logits(PackedBatch([tokens], samples: [0]))
        }
    }
}
