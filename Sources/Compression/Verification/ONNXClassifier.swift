import Files
import Formats
public import Foundation
public import Models
public import Tensors

/// An exported ONNX file that answers as a model does, by the configuration that lies beside it.
///
/// It is run by what proves exports, which is exact and not fast. Each text is run alone and without padding: graphs with
/// DynamicQuantizeLinear find one grid for a whole batch, and here no text may change what is said of another.
public final class ONNXClassifier: Classifier {
    public let configuration: EncoderConfiguration
    private let runner: ONNXRunner
    private let file: String

    public var parameterCount: Int { configuration.parameterCount }

    /// - Throws: `InputError` naming what is wrong: a file that was not exported here, a node that is not run here, or a
    ///   configuration of another model.
    public init(reading url: URL, _ configuration: EncoderConfiguration) throws {
        let model = try ONNXModel(reading: url)
        file = url.path
        self.configuration = configuration
        guard model.producer == ONNXGraphBuilder.producer else {
            let maker = model.producer.isEmpty ? "another program" : model.producer.prefix(60)
            throw InputError(
                file: file, problem: "written by \(maker), and only graphs that retort exported are run here",
                remedy: "record its answers as .jsonl, and give those")
        }
        runner = try ONNXRunner(model, file: file)
        try Self.require(model.metadata["maximum_positions"], "\(configuration.longestText)", "longest text", file)
        if configuration.classifies {
            let labels = model.metadata["labels"].flatMap {
                try? JSONDecoder().decode([String].self, from: Data($0.utf8))
            }
            try Self.require(labels?.description, configuration.labels.description, "classes", file)
        }
        // A node that cannot be run is told before the first question.
        _ = try answer([0])
    }

    /// What the graph says of the model it came from must be what the configuration says.
    private static func require(_ found: String?, _ expected: String, _ what: String, _ file: String) throws {
        guard found != expected else { return }
        throw InputError(
            file: file, field: what,
            problem: "found \((found ?? "none").prefix(200)), and config.json beside it says \(expected.prefix(200))",
            remedy: "keep the graph in the directory that it was exported to")
    }

    /// - Throws: `InputError` for second texts of pairs, and naming the node that fails.
    public func logits(_ batch: PackedBatch) throws -> Tensor {
        guard batch.tokenTypes.allSatisfy({ $0 == 0 }) else {
            throw InputError(
                file: file, problem: "exported graphs read single texts, and this is a pair",
                remedy: "give the model directory that it was exported from")
        }
        let values = try (0..<batch.offsets.count).flatMap { try answer(Array(batch.tokens[batch.offsets[$0]])) }
        return Tensor(values, shape: [batch.offsets.count, configuration.outputWidth])
    }

    private func answer(_ tokens: [Int32]) throws -> [Float] {
        let values = try runner([tokens])
        guard values.count == configuration.outputWidth else {
            throw InputError(
                file: file, problem: "gives \(values.count) numbers per text, expected \(configuration.outputWidth)",
                remedy: "export the model again")
        }
        return values
    }
}
