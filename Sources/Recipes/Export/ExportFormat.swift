import Distillation
import Files

extension ExportFormat: SettingChoice {}

/// A file format in which a finished model is handed over.
public enum ExportFormat: String, CaseIterable, Sendable {
    /// A float encoder in float32; an int8 one as integers with QuantizeLinear and DequantizeLinear, or as `onnx-fused`
    /// where each token has its own grid.
    case onnx
    /// A float encoder with weights in float16.
    case onnxFloat16 = "onnx-float16"
    /// An int8 encoder with its integer products written out.
    case onnxFused = "onnx-fused"
    /// The model directory that `retort` itself runs; float ones in the published layout.
    case safetensors
    /// A decoder's published layout with weights in two bytes.
    case safetensorsFloat16 = "safetensors-float16"
    case safetensorsBFloat16 = "safetensors-bfloat16"
    /// A decoder with int4 weights in the layout of the `compressed-tensors` package, a scale for 32 or 64 of them.
    case int4Group32 = "int4-g32"
    case int4Group64 = "int4-g64"
    /// An int8 encoder in the layout of the `compressed-tensors` package.
    case compressedTensors = "compressed-tensors"
    /// For llama.cpp, in F32.
    case gguf
    case ggufF16 = "gguf-f16"
    case ggufQ80 = "gguf-q8_0"
    case ggufQ40 = "gguf-q4_0"

    /// What a model is, as far as formats depend on it.
    public enum Kind: String, Sendable {
        case floatEncoder = "float encoder"
        case int8Encoder = "int8 encoder"
        case decoder

        /// The formats that there are for it; the first ones are written unless others are asked for.
        public var formats: [ExportFormat] {
            switch self {
            case .floatEncoder: [.safetensors, .onnx, .onnxFloat16, .gguf, .ggufF16, .ggufQ80, .ggufQ40]
            case .int8Encoder: [.safetensors, .onnx, .onnxFused, .compressedTensors]
            case .decoder:
                [
                    .safetensors, .safetensorsFloat16, .safetensorsBFloat16, .int4Group32, .int4Group64, .gguf,
                    .ggufF16,
                    .ggufQ80, .ggufQ40,
                ]
            }
        }
    }

    /// The path of the file that holds the weights, in the exported directory.
    public var path: String {
        switch self {
        case .onnx: "model.onnx"
        case .onnxFloat16: "model_fp16.onnx"
        case .onnxFused: "model_fused.onnx"
        case .safetensors: "model.safetensors"
        case .safetensorsFloat16: "float16/model.safetensors"
        case .safetensorsBFloat16: "bfloat16/model.safetensors"
        case .int4Group32: "int4-g32/model.safetensors"
        case .int4Group64: "int4-g64/model.safetensors"
        case .compressedTensors: "compressed-tensors/model.safetensors"
        case .gguf: "model-F32.gguf"
        case .ggufF16: "model-F16.gguf"
        case .ggufQ80: "model-Q8_0.gguf"
        case .ggufQ40: "model-Q4_0.gguf"
        }
    }

    /// How the weights of a decoder's directory are stored; nil for other files.
    var storage: DecoderStorage? {
        switch self {
        case .safetensorsFloat16: .float16
        case .safetensorsBFloat16: .bfloat16
        case .int4Group32: .int4(group: 32)
        case .int4Group64: .int4(group: 64)
        default: nil
        }
    }

    /// Formats by their names.
    ///
    /// - Throws: `InputErrors` naming every one that there is not, or not for this kind of model.
    public static func named(_ names: [String], for kind: Kind) throws -> [ExportFormat] {
        var (formats, errors): ([ExportFormat], [InputError]) = ([], [])
        for name in names {
            guard let format = ExportFormat(rawValue: name) else {
                errors.append(
                    InputError(
                        field: name, problem: "there is no such export format",
                        remedy: nearestName(to: name, among: allCases.map(\.rawValue)).map { "did you mean '\($0)'?" }
                            ?? "the formats are \(allCases.map(\.rawValue).joined(separator: ", "))"))
                continue
            }
            guard kind.formats.contains(format) else {
                errors.append(
                    InputError(
                        field: name,
                        problem: "the model is \(kind == .int8Encoder ? "an" : "a") \(kind.rawValue), "
                            + "which this format does not hold",
                        remedy: "choose from \(kind.formats.map(\.rawValue).joined(separator: ", "))"))
                continue
            }
            if !formats.contains(format) { formats.append(format) }
        }
        guard errors.isEmpty else { throw InputErrors(errors) }
        return formats
    }
}
