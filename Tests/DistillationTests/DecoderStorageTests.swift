import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Decoders in two bytes and in four bits")
struct DecoderStorageTests {
    private let sequence: [Int32] = [1, 5, 3, 9, 2]

    /// A Llama whose rows are whole groups of 32.
    private func decoder() throws -> Decoder {
        try DecoderDirectory.read(GoldenDecoderModel.url("llama-blocks"))
    }

    @Test(
        "a directory holds what its type rounds the weights to, runs as it is stored, and is written the same again",
        arguments: [DecoderStorage.float16, .bfloat16, .int4(group: 32)])
    func roundTrip(storage: DecoderStorage) throws {
        let own = try decoder()
        try withDirectory { directory in
            try DecoderDirectory.write(own, as: storage, to: directory)
            let again = try DecoderDirectory.read(directory)
            #expect(again.configuration == own.configuration)
            for (a, b) in zip(again.parameters, own.parameters) {
                let expected: [Float] =
                    switch storage {
                    case .bfloat16: BFloat16.decode(BFloat16.encode(b.value.values))
                    case .int4 where b.value.shape.count == 2 && b.name.contains(".layers."):
                        Int4Matrix(quantizing: b.value, group: 32).dequantized.values
                    default: HalfPrecision.decode(HalfPrecision.encode(b.value.values))
                    }
                #expect(a.value.values == expected, "\(a.name)")
            }
            let logits = again.logits(PackedBatch([sequence], samples: [0]))
            let running = DecoderSession(try DecoderDirectory.readRunner(directory)).appendAll(sequence)
            #expect(largestDifference(logits, running) < 2e-5)
            let weights = directory.appendingPathComponent("model.safetensors")
            let bytes = try Data(contentsOf: weights)
            try DecoderDirectory.write(own, as: storage, to: directory)
            #expect(try Data(contentsOf: weights) == bytes)
        }
    }

    @Test("rows that are no whole groups stay in halves, and config.json names them")
    func unevenRows() throws {
        let own = try decoder()
        try withDirectory { directory in
            // 32 columns are no group of 64.
            try DecoderDirectory.write(own, as: .int4(group: 64), to: directory)
            let file = try Safetensors(reading: directory.appendingPathComponent("model.safetensors"))
            let packed = file.tensors.map(\.name).filter { $0.hasSuffix("_packed") }
            let halves = file.tensors.filter { $0.tensor.type == .float16 && $0.name.contains("_proj.weight") }
                .map(\.name).filter { !$0.hasSuffix("_scale") }
            let text = try String(
                contentsOf: directory.appendingPathComponent("config.json"), encoding: .utf8)
            #expect(packed.count + halves.count == own.layers.count * 7 && !halves.isEmpty)
            for name in halves { #expect(text.contains("\"\(name.dropLast(".weight".count))\"")) }
            #expect(text.contains("\"lm_head\"") && text.contains("\"group_size\" : 64"))
            _ = try DecoderDirectory.readRunner(directory)
        }
    }

    @Test("what a type cannot hold is refused by name")
    func refusals() throws {
        try withDirectory { directory in
            let large = try decoder()
            large.parameters[1].value = Tensor(
                [Float](repeating: 1e6, count: large.parameters[1].value.count), shape: large.parameters[1].value.shape)
            let error = #expect(throws: InputError.self) {
                try DecoderDirectory.write(large, as: .float16, to: directory)
            }
            #expect(error?.field == large.parameters[1].name && error?.problem.contains("65504") == true)
            let wide = try decoder()
            let matrix = try #require(wide.parameters.first { $0.name.contains("q_proj") })
            matrix.value = Tensor([Float](repeating: 1e7, count: matrix.value.count), shape: matrix.value.shape)
            let beyond = #expect(throws: InputError.self) {
                try DecoderDirectory.write(wide, as: .int4(group: 32), to: directory)
            }
            #expect(beyond?.field == matrix.name)
            let gpt2 = try DecoderDirectory.read(GoldenDecoderModel.url("gpt2"))
            #expect(throws: InputError.self) { try DecoderDirectory.write(gpt2, as: .int4(group: 32), to: directory) }
            #expect(!FileManager.default.fileExists(atPath: directory.appendingPathComponent("config.json").path))
        }
    }

    @Test(
        "damaged int4 weights are refused by tensor",
        arguments: [
            "a word short", "scales of no group", "no shape", "huge shape", "negative shape", "NaN scale",
            "both ways", "other bits", "other method",
        ])
    func damaged(damage: String) throws {
        let own = try decoder()
        try withDirectory { directory in
            try DecoderDirectory.write(own, as: .int4(group: 32), to: directory)
            let (weights, configuration) = (
                directory.appendingPathComponent("model.safetensors"), directory.appendingPathComponent("config.json")
            )
            var file = try Safetensors(reading: weights)
            let name = "model.layers.0.mlp.up_proj.weight"
            func change(_ suffix: String, _ tensor: StoredTensor?) throws {
                let index = try #require(file.tensors.firstIndex { $0.name == name + suffix })
                if let tensor { file.tensors[index].tensor = tensor } else { file.tensors.remove(at: index) }
            }
            var text = try String(contentsOf: configuration, encoding: .utf8)
            switch damage {
            case "a word short": try change("_packed", .int32(shape: [1, 4], [0, 0, 0, 0]))
            case "scales of no group": try change("_scale", .float16(shape: [1, 5], bits: [1, 1, 1, 1, 1]))
            case "no shape": try change("_shape", nil)
            case "huge shape": try change("_shape", .int64(shape: [2], [.max, .max]))
            case "negative shape": try change("_shape", .int64(shape: [2], [-8, -32]))
            case "NaN scale":
                let scale = try #require(file.tensors.first { $0.name == name + "_scale" }).tensor
                try change(
                    "_scale", .float16(shape: scale.shape, bits: [UInt16](repeating: 0x7E00, count: scale.count)))
            case "a matrix of scales":
                // Its scale is packed itself, under the name that its own unpacking frees.
                for suffix in ["_packed", "_scale", "_shape"] {
                    let part = try #require(file.tensors.first { $0.name == name + suffix }).tensor
                    file.tensors.append((name + "_scale" + suffix, part))
                }
            case "both ways": file.tensors.append((name, .float32(shape: [1], [1])))
            case "other bits": text = text.replacing("\"num_bits\" : 4", with: "\"num_bits\" : 3")
            default: text = text.replacing("compressed-tensors", with: "gptq")
            }
            try file.write(to: weights)
            try Data(text.utf8).write(to: configuration)
            do {
                _ = try DecoderDirectory.readRunner(directory)
                Issue.record("\(damage) was read")
            } catch {
                let errors = (error as? InputErrors)?.errors ?? [error as? InputError].compactMap { $0 }
                let field =
                    damage.hasPrefix("other")
                    ? "quantization_config" : name + (damage == "a matrix of scales" ? "_scale_packed" : "_packed")
                #expect(errors.contains { $0.field == field }, "\(error)")
            }
        }
    }
}
