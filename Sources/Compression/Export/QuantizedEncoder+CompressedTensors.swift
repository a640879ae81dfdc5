import Files
import Formats
public import Foundation
import Models
import Tensors

/// The layout of the `compressed-tensors` package (format `int-quantized`), under the family's published names:
///
/// - `X.weight` I8 [O, I], `X.weight_scale` F32 [O, 1], `X.bias` F32 [O] for a quantized linear layer X, with
///   `X.input_scale` F32 [1] and `X.input_zero_point` I8 [1] where its input has a fixed grid; levels there are signed,
///   128 lower than in our own files;
/// - everything else F32. Tables are multiplied out: the package quantizes linear layers alone.
extension QuantizedEncoder {
    /// Writes `config.json` and `model.safetensors`; the same model gives the same bytes.
    ///
    /// - Throws: `InputError` if a layer's input is multiplied before it is rounded, which the layout cannot say, or the
    ///   directory cannot be written.
    public func writeCompressedTensors(to directory: URL) throws {
        if let layer = linears.first(where: { $0.inputFactors != nil }) {
            throw InputError(
                field: layer.name, problem: "its input is smoothed, which the compressed-tensors layout cannot say",
                remedy: "export it in another format, or quantize with smoothing: 0")
        }
        let names = EncoderNames(configuration)
        var file = Safetensors()
        file.metadata = ["format": "pt"]
        func add(_ name: String, _ suffix: String, _ tensor: StoredTensor) {
            let weight = names.published(name + ".weight")
            file.tensors.append((weight.dropLast("weight".count) + suffix, tensor))
        }
        for table in tables {
            let rows = table.rows.gather((0..<table.rows.count).map { Int32($0) })
            add(table.name, "weight", .float32(shape: rows.shape, rows.values))
        }
        for linear in linears {
            let outputs = linear.bias.count
            add(linear.name, "bias", .float32(shape: [outputs], linear.bias))
            guard let weight = linear.int8 else {
                if case .float(let values) = linear.form {
                    add(linear.name, "weight", .float32(shape: [outputs, values.count / outputs], values))
                }
                continue
            }
            add(linear.name, "weight", .int8(shape: [weight.rows, weight.width], weight.levels))
            add(linear.name, "weight_scale", .float32(shape: [weight.rows, 1], weight.scales))
            guard let input = linear.input else { continue }
            add(linear.name, "input_scale", .float32(shape: [1], [input.scale]))
            add(linear.name, "input_zero_point", .int8(shape: [1], [Int8(Int(input.zeroPoint) - 128)]))
        }
        for norm in norms {
            add(norm.name, "weight", .float32(shape: [norm.gamma.count], norm.gamma))
            add(norm.name, "bias", .float32(shape: [norm.beta.count], norm.beta))
        }
        if let classifier {
            let classes = classifier.bias.count
            add(classifier.name, "weight", .float32(shape: [classes, configuration.hiddenSize], classifier.weight))
            add(classifier.name, "bias", .float32(shape: [classes], classifier.bias))
        }
        try file.write(to: directory.appendingPathComponent("model.safetensors"))
        try AtomicFile.write(
            try compressedTensorsConfiguration(names), to: directory.appendingPathComponent("config.json"))
        try configuration.writeSentenceModules(to: directory)
    }

    private func compressedTensorsConfiguration(_ names: EncoderNames) throws -> Data {
        func module(_ name: String) -> String { String(names.published(name + ".weight").dropLast(".weight".count)) }
        let kept = linears.filter { $0.int8 == nil }.map(\.name) + [classifier].compactMap { $0?.name }
        let ignored = kept.map { JSONString.quote(module($0)) }.joined(separator: ", ")
        func format(symmetric: Bool, strategy: String, isDynamic: Bool) -> String {
            #"{"num_bits": 8, "type": "int", "symmetric": \#(symmetric), "strategy": "\#(strategy)", "dynamic": \#(isDynamic), "group_size": null}"#
        }
        let inputs =
            quantizesPerToken
            ? format(symmetric: true, strategy: "token", isDynamic: true)
            : format(symmetric: false, strategy: "tensor", isDynamic: false)
        let section = """
            ,
              "quantization_config": {
                "quant_method": "compressed-tensors",
                "format": "int-quantized",
                "quantization_status": "compressed",
                "global_compression_ratio": null,
                "kv_cache_scheme": null,
                "ignore": [\(ignored)],
                "config_groups": {
                  "group_0": {
                    "targets": ["Linear"],
                    "weights": \(format(symmetric: true, strategy: "channel", isDynamic: false)),
                    "input_activations": \(inputs),
                    "output_activations": null
                  }
                }
              }
            }
            """
        let base = try configuration.json()
        guard let end = base.range(of: Data("\n}".utf8), options: .backwards)?.lowerBound else {
            preconditionFailure("EncoderConfiguration.json() is not an object over several lines")
        }
        return base[..<end] + Data(section.utf8)
    }

    /// Reads a directory that `writeCompressedTensors` wrote; the tables come as float.
    ///
    /// - Throws: `InputErrors` listing every tensor that is missing, surplus, misshapen or of the wrong type.
    public init(compressedTensors directory: URL) throws {
        let url = directory.appendingPathComponent("model.safetensors")
        let configuration = try EncoderConfiguration(reading: directory.appendingPathComponent("config.json"))
        var source = StoredQuantizedWeights(
            try Safetensors(reading: url), .compressedTensors(EncoderNames(configuration)), file: url.path)
        try self.init(configuration, from: &source)
        try source.finish(sharingInputs: layers.map { [$0.query, $0.key, $0.value] })
    }
}
