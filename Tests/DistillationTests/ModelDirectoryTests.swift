import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing
import Tokenizers

@Suite("Model directory")
struct ModelDirectoryTests {
    private func encoder() -> Encoder {
        var configuration = SmallModel.encoder().configuration
        configuration.heads = [2, 1]
        configuration.feedForward = [24, 7]
        return Encoder(configuration, key: RandomKey(9))
    }

    /// Runs `body` with a written model.
    private func withModel(_ body: (URL, Encoder) throws -> Void) throws {
        let tokenizer = try WordPieceTokenizer(vocabulary: SpecialTokens.names + ["a", "b", "##c"])
        try withDirectory { directory in
            let encoder = encoder()
            try ModelDirectory.write(encoder, tokenizer, to: directory)
            try body(directory, encoder)
        }
    }

    private func change(_ directory: URL, _ body: (inout Safetensors) throws -> Void) throws {
        let url = directory.appendingPathComponent(ModelDirectory.weightsFile)
        var file = try Safetensors(reading: url)
        // The tensors are slices of the mapped file, which is about to be replaced.
        file.tensors = try file.tensors.map {
            (
                $0.name,
                try StoredTensor(type: $0.tensor.type, shape: $0.tensor.shape, bytes: Data(Array($0.tensor.bytes)))
            )
        }
        try body(&file)
        try file.write(to: url)
    }

    private func replace(_ name: String, in file: inout Safetensors, by tensor: StoredTensor) throws {
        let index = try #require(file.tensors.firstIndex { $0.name == name })
        file.tensors[index].tensor = tensor
    }

    @Test("gives back the same bits and the same configuration, uneven layers included")
    func roundTrip() throws {
        try withModel { directory, encoder in
            let read = try ModelDirectory.readEncoder(directory)
            #expect(read.configuration == encoder.configuration)
            #expect(read.parameters.map(\.name) == encoder.parameters.map(\.name))
            for (a, b) in zip(read.parameters, encoder.parameters) {
                #expect(a.value.values.map(\.bitPattern) == b.value.values.map(\.bitPattern), "\(a.name)")
            }
            #expect(try TokenizerFiles.load(from: directory).vocabularySize == 8)
        }
    }

    @Test("lists every tensor that is missing, surplus, misshapen, not a number or not finite in one error")
    func problems() throws {
        try withModel { directory, _ in
            try change(directory) { file in
                file.tensors.removeAll { $0.name == "classifier.bias" }
                file.tensors.append(("bert.extra", .float32(shape: [1], [1])))
                try replace(
                    "bert.pooler.dense.bias", in: &file, by: .float32(shape: [15], .init(repeating: 1, count: 15)))
                var values = [Float](repeating: 1, count: 16)
                values[11] = .nan
                try replace("bert.embeddings.LayerNorm.weight", in: &file, by: .float32(shape: [16], values))
                values[11] = .infinity
                try replace("bert.embeddings.LayerNorm.bias", in: &file, by: .float32(shape: [16], values))
                try replace(
                    "bert.encoder.layer.0.output.dense.bias", in: &file,
                    by: StoredTensor(type: .bool, shape: [16], bytes: Data(count: 16)))
            }
            let errors = try #require(throws: InputErrors.self) { try ModelDirectory.readEncoder(directory) }.errors
            let expected = [
                "classifier.bias": "missing", "bert.extra": "surplus", "bert.pooler.dense.bias": "[15]",
                "bert.embeddings.LayerNorm.weight": "NaN", "bert.embeddings.LayerNorm.bias": "infinite",
                "bert.encoder.layer.0.output.dense.bias": "BOOL",
            ]
            #expect(Set(errors.map(\.field)) == Set(expected.keys))
            #expect(errors.count == expected.count)
            for error in errors {
                #expect(error.problem.contains(expected[error.field ?? ""] ?? "?"), "\(error)")
                #expect(error.file?.hasSuffix(ModelDirectory.weightsFile) == true)
            }
        }
    }

    @Test("reads published names without the `bert.` prefix, other float types, and ignores position ids")
    func publishedForms() throws {
        try withModel { directory, encoder in
            try change(directory) { file in
                file.tensors = file.tensors.map { name, tensor in
                    (name.hasPrefix("bert.") ? String(name.dropFirst("bert.".count)) : name, tensor)
                }
                let position = Array(0..<Int64(SmallModel.positions))
                file.tensors.append(("embeddings.position_ids", .int64(shape: [1, position.count], position)))
                let half = [UInt16](repeating: Float16(0.5).bitPattern, count: 3)
                try replace(
                    "classifier.bias", in: &file,
                    by: StoredTensor(type: .float16, shape: [3], bytes: half.withUnsafeBytes { Data($0) }))
            }
            let read = try ModelDirectory.readEncoder(directory)
            #expect(read.classifier?.bias?.value.values == [0.5, 0.5, 0.5])
            #expect(read.layers[1].query.weight.value.values == encoder.layers[1].query.weight.value.values)
        }
    }

    @Test("refuses a configuration that claims far more weights than the file holds, before taking memory for them")
    func claims() throws {
        try withModel { directory, encoder in
            var configuration = encoder.configuration
            configuration.vocabularySize = 1 << 24
            configuration.feedForward = [1 << 20, 1 << 20]
            try configuration.json().write(to: directory.appendingPathComponent(ModelDirectory.configurationFile))
            let errors = try #require(throws: InputErrors.self) { try ModelDirectory.readEncoder(directory) }.errors
            #expect(errors.count == 1 && errors[0].problem.contains("\(encoder.parameterCount) weights"))
        }
    }

    @Test("refuses a tokenizer with more pieces than the table has rows, and a model that no text fits into")
    func tokenizer() throws {
        let tokenizer = try WordPieceTokenizer(vocabulary: SpecialTokens.names + ["a", "b", "##c"])
        let directory = URL(fileURLWithPath: "model")
        var configuration = encoder().configuration
        configuration.vocabularySize = tokenizer.vocabulary.count
        try ModelDirectory.check(tokenizer, fits: configuration, in: directory)
        configuration.vocabularySize -= 1
        #expect(throws: InputError.self) { try ModelDirectory.check(tokenizer, fits: configuration, in: directory) }
        configuration.vocabularySize += 1
        configuration.maximumPositions = 2
        let error = try #require(throws: InputError.self) {
            try ModelDirectory.check(tokenizer, fits: configuration, in: directory)
        }
        #expect(error.field == "max_position_embeddings")
    }

    @Test("names the file that is missing or damaged")
    func missing() throws {
        for file in [ModelDirectory.weightsFile, ModelDirectory.configurationFile] {
            try withModel { directory, _ in
                let url = directory.appendingPathComponent(file)
                try FileManager.default.removeItem(at: url)
                let error = try #require(throws: InputError.self) { try ModelDirectory.readEncoder(directory) }
                #expect(error.file.map(url.path.hasPrefix) == true)
                try Data("{".utf8).write(to: url)
                #expect(throws: InputError.self) { try ModelDirectory.readEncoder(directory) }
            }
        }
    }
}
