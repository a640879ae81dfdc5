import Compression
import Files
import Formats
import Foundation
import Models
import Testing

@Suite("The quantized model directory")
struct QuantizedEncoderFileTests {
    private func tensors(_ directory: URL) throws -> Safetensors {
        try Safetensors(reading: directory.appendingPathComponent("model.safetensors"))
    }

    @Test("reads back what was written, bit for bit", arguments: [EncoderConfiguration.Pooling.first, .mean])
    func roundTrip(pooling: EncoderConfiguration.Pooling) throws {
        let model = try QuantizationFixture.quantized(pooling: pooling)
        try QuantizationFixture.withDirectory { directory in
            try model.write(to: directory)
            #expect(try QuantizedEncoder.isQuantized(directory))
            #expect(try QuantizedEncoder(reading: directory) == model)
        }
    }

    @Test("the same model gives the same bytes")
    func determinism() throws {
        try QuantizationFixture.withDirectory { directory in
            let directories = ["a", "b"].map { directory.appendingPathComponent($0) }
            for directory in directories { try QuantizationFixture.quantized().write(to: directory) }
            for file in ["config.json", "model.safetensors"] {
                let bytes = try directories.map { try Data(contentsOf: $0.appendingPathComponent(file)) }
                #expect(bytes[0] == bytes[1])
            }
        }
    }

    @Test("config.json is that of the float model with one section more")
    func configuration() throws {
        let model = try QuantizationFixture.quantized()
        try QuantizationFixture.withDirectory { directory in
            try model.write(to: directory)
            let url = directory.appendingPathComponent("config.json")
            #expect(try EncoderConfiguration(reading: url) == model.configuration)
            var members = try #require(
                JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: any Sendable])
            let section = try #require(members.removeValue(forKey: "quantization_config") as? [String: any Sendable])
            #expect(section["quant_method"] as? String == "retort")
            #expect(section["bits"] as? Int == 8)
            let float = try JSONSerialization.jsonObject(with: model.configuration.json()) as? NSDictionary
            #expect(members as NSDictionary == float)
        }
    }

    @Test("the tensors have the published names and the documented types")
    func names() throws {
        try QuantizationFixture.withDirectory { directory in
            try QuantizationFixture.quantized().write(to: directory)
            let file = try tensors(directory)
            let query = "bert.encoder.layer.1.attention.self.query"
            let expected: [(String, ElementType, [Int])] = [
                (query + ".weight", .int8, [27, 36]), (query + ".weight_scale", .float32, [27]),
                (query + ".bias", .float32, [27]), (query + ".input_scale", .float32, [1]),
                (query + ".input_zero_point", .uint8, [1]),
                ("bert.embeddings.word_embeddings.weight", .int8, [50, 36]),
                ("bert.embeddings.word_embeddings.weight_scale", .float32, [50]),
                ("bert.embeddings.LayerNorm.weight", .float32, [36]), ("classifier.weight", .float32, [3, 36]),
            ]
            for (name, type, shape) in expected {
                #expect(file[name]?.type == type)
                #expect(file[name]?.shape == shape)
            }
            #expect(file.tensors.count == 3 * 2 + 13 * 5 + 5 * 2 + 2)
        }
    }

    @Test("everything that is wrong with the tensors is listed at once")
    func damagedTensors() throws {
        try QuantizationFixture.withDirectory { directory in
            try QuantizationFixture.quantized().write(to: directory)
            var file = try tensors(directory)
            let replaced: [String: StoredTensor] = [
                "classifier.bias": .float32(shape: [2], [0, 0]),
                "bert.pooler.dense.weight": .float32(shape: [36, 36], [Float](repeating: 0, count: 36 * 36)),
                "bert.pooler.dense.input_scale": .float32(shape: [1], [-1]),
                "bert.pooler.dense.bias": .float32(shape: [36], [Float](repeating: .nan, count: 36)),
                "bert.encoder.layer.0.attention.self.key.input_zero_point": .uint8(shape: [1], [3]),
            ]
            let missing = "bert.embeddings.position_embeddings.weight_scale"
            file.tensors = file.tensors.filter { $0.name != missing }.map { ($0.name, replaced[$0.name] ?? $0.tensor) }
            file.tensors.append(("bert.extra", .float32(shape: [1], [0])))
            try file.write(to: directory.appendingPathComponent("model.safetensors"))
            let errors = try #require(throws: InputErrors.self) { try QuantizedEncoder(reading: directory) }
            let named = Dictionary(uniqueKeysWithValues: errors.errors.map { ($0.field ?? "", $0.problem) })
            #expect(
                Set(named.keys)
                    == Set(replaced.keys).subtracting([
                        "bert.encoder.layer.0.attention.self.key.input_zero_point"
                    ]).union([missing, "bert.extra", "bert.encoder.layer.0.attention.self.key"]))
            #expect(named["classifier.bias"] == "found F32 [2], expected F32 [3]")
            #expect(named["bert.pooler.dense.weight"] == "found F32 [36, 36], expected I8 [36, 36]")
            #expect(named[missing] == "missing, expected F32 [24]")
        }
    }

    @Test("layers that read one input must take it alike, in either layout")
    func sharedInputs() throws {
        try QuantizationFixture.withDirectory { directory in
            let (own, other) = (directory.appendingPathComponent("own"), directory.appendingPathComponent("other"))
            let model = try QuantizationFixture.quantized()
            try model.write(to: own)
            try model.writeCompressedTensors(to: other)
            // The key's weight as float, the query's and the value's as integers.
            let key = "bert.encoder.layer.0.attention.self.key"
            let url = own.appendingPathComponent("config.json")
            let text = try String(contentsOf: url, encoding: .utf8)
            try text.replacingOccurrences(of: "\"attention_products\",", with: "\"attention_products\", \"\(key)\",")
                .write(to: url, atomically: true, encoding: .utf8)
            for directory in [own, other] {
                var file = try tensors(directory)
                let rows = try #require(file[key + ".weight"])
                file.tensors = file.tensors.filter { !$0.name.hasPrefix(key) || $0.name.hasSuffix(".bias") }
                file.tensors.append(
                    (key + ".weight", .float32(shape: rows.shape, [Float](repeating: 0.5, count: rows.count))))
                try file.write(to: directory.appendingPathComponent("model.safetensors"))
            }
            for read in [
                { try QuantizedEncoder(reading: own) }, { try QuantizedEncoder(compressedTensors: other) },
            ] {
                let errors = try #require(throws: InputErrors.self) { try read() }
                #expect(errors.errors.map(\.field) == [key])
                #expect(errors.errors.first?.problem.contains("its input has floats") == true)
            }
        }
    }

    @Test("a float model is not quantized, another tool's format is refused")
    func otherFormats() throws {
        try QuantizationFixture.withDirectory { directory in
            let url = directory.appendingPathComponent("config.json")
            #expect(throws: InputError.self) { try QuantizedEncoder.isQuantized(directory) }
            let json = try QuantizationFixture.encoder().configuration.json()
            try json.write(to: url)
            #expect(try !QuantizedEncoder.isQuantized(directory))
            #expect(throws: InputError.self) { try QuantizedEncoder(reading: directory) }
            for section in [#"{"quant_method": "bitsandbytes", "load_in_4bit": true}"#, "3", "[]"] {
                try (json.dropLast(2) + Data(",\n\"quantization_config\": \(section)}".utf8)).write(to: url)
                let error = #expect(throws: InputError.self) { try QuantizedEncoder.isQuantized(directory) }
                #expect(error?.field == "quantization_config")
            }
            try Data("{".utf8).write(to: url)
            #expect(throws: InputError.self) { try QuantizedEncoder.isQuantized(directory) }
        }
    }
}
