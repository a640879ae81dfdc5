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
    private let rows: ClassificationRows
    private let queries: Int
    private let maxLength: Int
    /// The rows as the report needs them.
    public let data: EvaluationData

    /// - Parameters:
    ///   - labels: class names in the order of the logits; each row's label is one of them.
    ///   - queries: single inputs that are timed.
    ///   - maxLength: longest input in word pieces; each model's own limit applies as well.
    public init(rows: ClassificationRows, labels: [String], queries: Int, maxLength: Int = .max) {
        self.rows = rows
        self.maxLength = maxLength
        self.queries = queries
        let index = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($0.element, $0.offset) })
        data = EvaluationData(
            labels: rows.labels.map { index[$0]! }, classNames: labels, texts: rows.texts,
            ids: (0..<rows.count).map(rows.place))
    }

    /// Logits of every row, and the latency of single queries.
    ///
    /// - Parameter path: how the report names the model's place; by default the directory it was read from.
    public func result(_ model: LoadedModel, key: String, name: String, path: String? = nil) throws -> ModelResult {
        let configuration = model.classifier.configuration
        let length = min(maxLength, configuration.maximumPositions)
        let logits = try model.classifier.logits(of: model.tokenizer.encode(rows.texts, maxLength: length))
        // A query is what a user waits for: from the text to the logits.
        let latency = try Latency.measure(queries: queries, warmUp: min(20, queries), threads: Threads.count) { query in
            let tokens = model.tokenizer.encode(rows.texts[query % rows.count], maxLength: length)
            _ = try model.classifier.logits(PackedBatch([tokens], samples: [0]))
        }
        let weights = try StoredWeights(directory: model.url).file
        let bytes = try FileManager.default.attributesOfItem(atPath: weights)[.size] as? Int ?? 0
        return ModelResult(
            key: key, name: name, path: path ?? model.url.relativePath, parameters: model.classifier.parameterCount,
            bytes: bytes, logits: logits, heads: configuration.heads, feedForward: configuration.feedForward,
            latency: latency)
    }
}
