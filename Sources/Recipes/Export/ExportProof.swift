import Compression
import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Tokenizers

/// Reads an exported file back and runs it in our own runtime.
struct ExportProof {
    /// Texts per pass.
    static let batch = 16

    let format: ExportFormat
    /// The exported directory.
    let directory: URL

    /// What the file gives for each sequence, row after row.
    ///
    /// - Throws: `InputError` or `InputErrors` if it cannot be read, or is not a model that is run here.
    func outputs(_ sequences: [[Int32]]) throws -> [Float] {
        let url = directory.appendingPathComponent(format.path)
        switch format {
        case .onnx, .onnxFloat16, .onnxFused:
            return try ONNXProof(reading: url).outputs(of: sequences, batch: Self.batch)
        case .safetensors:
            guard DecoderDirectory.isDecoder(directory) else {
                let classifier: any Classifier =
                    try QuantizedEncoder.isQuantized(directory)
                    ? IntegerRuntime(QuantizedEncoder(reading: directory), attention: .float32)
                    : ModelDirectory.readEncoder(directory)
                return try classifier.logits(of: sequences, batch: Self.batch)
            }
            return Self.lastLogits(try DecoderDirectory.read(directory), sequences)
        case .safetensorsFloat16, .safetensorsBFloat16, .int4Group32, .int4Group64:
            return Self.lastLogits(try DecoderDirectory.read(url.deletingLastPathComponent()), sequences)
        case .compressedTensors:
            let encoder = try QuantizedEncoder(compressedTensors: url.deletingLastPathComponent())
            return try IntegerRuntime(encoder, attention: .float32).logits(of: sequences, batch: Self.batch)
        case .gguf, .ggufF16, .ggufQ80, .ggufQ40:
            guard DecoderDirectory.isDecoder(directory) else {
                let configuration = directory.appendingPathComponent(ModelDirectory.configurationFile)
                return try EncoderGGUF.read(url, EncoderConfiguration(reading: configuration))
                    .logits(of: sequences, batch: Self.batch)
            }
            return Self.lastLogits(try DecoderDirectory.read(url), sequences)
        }
    }

    private static func lastLogits(_ decoder: Decoder, _ sequences: [[Int32]]) -> [Float] {
        sequences.flatMap { tokens in
            let logits = decoder.logits(PackedBatch([tokens], samples: [0]))
            return Array(logits.values.suffix(logits.width))
        }
    }

    /// How far the file may be from its model on the machine that wrote it.
    ///
    /// The integers of an ONNX file are the model's own; where sums in another order fall on the other side of a half, one
    /// level differs, and a fused file of a model with a grid per token rounds on others.
    static func tolerance(
        _ format: ExportFormat, _ kind: ExportFormat.Kind, isClassifier: Bool
    ) -> OutputAgreement.Tolerance {
        switch format {
        case .safetensors, .compressedTensors: .exact
        case .onnx where kind == .floatEncoder: .float32
        case .onnxFloat16: .rounded(0.02, classes: isClassifier)
        case .onnx, .onnxFused: .rounded(0.05, classes: isClassifier)
        case .gguf: .float32
        // Encoders' outputs are few numbers, which need be no distribution.
        case .ggufF16 where kind == .floatEncoder: .rounded(0.02, classes: isClassifier)
        case .ggufQ80 where kind == .floatEncoder: .rounded(0.05, classes: isClassifier)
        case .ggufQ40 where kind == .floatEncoder: .rounded(0.5, classes: false)
        case .ggufF16, .safetensorsFloat16: .init(divergence: 1e-3)
        case .ggufQ80, .safetensorsBFloat16: .init(divergence: 2e-2)
        case .ggufQ40, .int4Group32, .int4Group64: .init(divergence: 1)
        }
    }

    /// How far the file may be from the outputs that are recorded beside it: on another processor the sums of floats come in
    /// another order, and a model on integers may round some of them to the next level. What is stored must be equal to the
    /// byte in any case.
    static func recordedTolerance(
        _ format: ExportFormat, _ kind: ExportFormat.Kind, isClassifier: Bool
    ) -> OutputAgreement.Tolerance {
        switch format {
        case .safetensors, .compressedTensors:
            kind == .int8Encoder ? .rounded(0.05, classes: isClassifier) : .float32
        default: tolerance(format, kind, isClassifier: isClassifier)
        }
    }
}
