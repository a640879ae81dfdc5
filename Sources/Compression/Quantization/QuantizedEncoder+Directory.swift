import Files
import Formats
public import Foundation
import Models
import Tensors

/// A model directory with int8 weights: `config.json` with a `quantization_config`, and `model.safetensors` with
///
/// - `X.weight` I8 [O, I], `X.weight_scale` F32 [O], `X.bias` F32 [O], `X.input_scale` F32 [1] and
///   `X.input_zero_point` U8 [1] for a quantized linear layer X, without the last two where each token has its own grid,
///   and with `X.input_factors` F32 [I] where columns of the input are multiplied first,
/// - `X.weight` I8 [V, C] and `X.weight_scale` F32 [V] for an embedding table X,
/// - `X.weight` and `X.bias` F32 for norms, the classifier and what else stays float,
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
        try QuantizationConfiguration.read(directory.appendingPathComponent(configurationFile)) != nil
    }

    /// Reads a model directory that `write(to:)` wrote.
    ///
    /// - Throws: `InputErrors` listing every tensor that is missing, surplus, misshapen, of the wrong type or without
    ///   sense as a number; `InputError` if the directory holds no quantized model.
    public init(reading directory: URL) throws {
        let configurationURL = directory.appendingPathComponent(Self.configurationFile)
        guard let description = try QuantizationConfiguration.read(configurationURL) else {
            throw InputError(
                file: configurationURL.path, field: "quantization_config",
                problem: "missing: the model is not quantized",
                remedy: "quantize it with retort quantize")
        }
        let url = directory.appendingPathComponent(Self.weightsFile)
        let configuration = try EncoderConfiguration(reading: configurationURL)
        try description.check(configuration, file: configurationURL.path)
        var source = StoredQuantizedWeights(try Safetensors(reading: url), .own(description), file: url.path)
        try self.init(configuration, from: &source)
        try source.finish(sharingInputs: layers.map { [$0.query, $0.key, $0.value] })
    }

    /// Writes `config.json` and `model.safetensors`; the same model gives the same bytes.
    ///
    /// The tokenizer's files are written by the tokenizer, before this: the weights come last, for a directory that has them counts as
    /// a model.
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
        for table in tables {
            switch table.rows {
            case .int8(let rows): add(table.name, rows)
            case .float(let rows, let width):
                add(table.name + ".weight", .float32(shape: [rows.count / width, width], rows))
            }
        }
        for linear in linears {
            switch linear.form {
            case .fixed(let weight, _), .perToken(let weight): add(linear.name, weight)
            case .float(let weight):
                let outputs = linear.bias.count
                add(linear.name + ".weight", .float32(shape: [outputs, weight.count / outputs], weight))
            }
            add(linear.name + ".bias", .float32(shape: [linear.bias.count], linear.bias))
            if let factors = linear.inputFactors {
                add(linear.name + ".input_factors", .float32(shape: [factors.count], factors))
            }
            guard let input = linear.input else { continue }
            add(linear.name + ".input_scale", .float32(shape: [1], [input.scale]))
            add(linear.name + ".input_zero_point", .uint8(shape: [1], [input.zeroPoint]))
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
        try AtomicFile.write(
            QuantizationConfiguration(self).json(extending: configuration),
            to: directory.appendingPathComponent(Self.configurationFile))
        try configuration.writeSentenceModules(to: directory)
        try file.write(to: directory.appendingPathComponent(Self.weightsFile))
    }
}
