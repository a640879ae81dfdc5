import Files
import Formats
public import Foundation
import Models
import Tensors

/// A model directory with int8 weights: `config.json` with a `quantization_config`, and `model.safetensors` with
///
/// - `X.weight` I8 [O, I], `X.weight_scale` F32 [O], `X.bias` F32 [O], `X.input_scale` F32 [1] and
///   `X.input_zero_point` U8 [1] for a quantized linear layer X,
/// - `X.weight` I8 [V, C] and `X.weight_scale` F32 [V] for an embedding table X,
/// - `X.weight` and `X.bias` F32 for norms and the classifier,
///
/// X being BERT's names in every family.
extension QuantizedEncoder {
    private static let weightsFile = "model.safetensors"
    private static let configurationFile = "config.json"

    /// Whether the model directory holds a quantized model.
    ///
    /// - Throws: `InputError` if its `config.json` cannot be read, or is quantized in a way that this version does not
    ///   know.
    public static func isQuantized(_ directory: URL) throws -> Bool {
        try QuantizationConfiguration.stands(in: directory.appendingPathComponent(configurationFile))
    }

    /// Reads a model directory that `write(to:)` wrote.
    ///
    /// - Throws: `InputErrors` listing every tensor that is missing, surplus, misshapen, of the wrong type or without
    ///   sense as a number; `InputError` if the directory holds no quantized model.
    public init(reading directory: URL) throws {
        let configurationURL = directory.appendingPathComponent(Self.configurationFile)
        guard try Self.isQuantized(directory) else {
            throw InputError(
                file: configurationURL.path, field: "quantization_config",
                problem: "missing: the model is not quantized",
                remedy: "quantize it with retort quantize")
        }
        let url = directory.appendingPathComponent(Self.weightsFile)
        var source = StoredQuantizedWeights(try Safetensors(reading: url), file: url.path)
        try self.init(try EncoderConfiguration(reading: configurationURL), from: &source)
        try source.finish(sharingInputs: layers.map { [$0.query, $0.key, $0.value] })
    }

    /// Writes `config.json` and `model.safetensors`; the same model gives the same bytes.
    ///
    /// The tokenizer's files are written by the tokenizer.
    ///
    /// - Throws: `InputError` if the directory cannot be written.
    public func write(to directory: URL) throws {
        var file = Safetensors()
        file.metadata = ["format": "pt"]
        func add(_ name: String, _ tensor: StoredTensor) { file.tensors.append((name, tensor)) }
        func add(_ name: String, _ matrix: Int8Matrix) {
            add(name + ".weight", .int8(shape: [matrix.rows, matrix.width], matrix.levels))
            add(name + ".weight_scale", .float32(shape: [matrix.rows], matrix.scales))
        }
        for table in tables { add(table.name, table.rows) }
        for linear in linears {
            add(linear.name, linear.weight)
            add(linear.name + ".bias", .float32(shape: [linear.bias.count], linear.bias))
            add(linear.name + ".input_scale", .float32(shape: [1], [linear.input.scale]))
            add(linear.name + ".input_zero_point", .uint8(shape: [1], [linear.input.zeroPoint]))
        }
        for norm in norms {
            add(norm.name + ".weight", .float32(shape: [norm.gamma.count], norm.gamma))
            add(norm.name + ".bias", .float32(shape: [norm.beta.count], norm.beta))
        }
        if let classifier {
            let classes = classifier.bias.count
            add(classifier.name + ".weight", .float32(shape: [classes, configuration.hiddenSize], classifier.weight))
            add(classifier.name + ".bias", .float32(shape: [classes], classifier.bias))
        }
        try file.write(to: directory.appendingPathComponent(Self.weightsFile))
        try AtomicFile.write(
            QuantizationConfiguration.current.json(extending: configuration),
            to: directory.appendingPathComponent(Self.configurationFile))
        try configuration.writeSentenceModules(to: directory)
    }
}
