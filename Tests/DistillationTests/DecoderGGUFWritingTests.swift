import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing
import Tokenizers

@Suite("Decoders as GGUF files")
struct DecoderGGUFWritingTests {
    private static let pipelines = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Golden/pipelines")

    private func tokenizer(_ name: String) throws -> any Tokenizer {
        try TokenizerFiles.load(from: Self.pipelines.appendingPathComponent("\(name).json"))
    }

    @Test("what ends a turn is an end too, wherever it stands among the ends")
    func ends() throws {
        let tokenizer = try tokenizer("smollm")
        let turn = try #require(tokenizer.id(of: "<|im_end|>"))
        var configuration = Self.llama(tokenizer.vocabularySize)
        configuration.endTokens = [0, 5, turn]
        try withDirectory { directory in
            let url = directory.appendingPathComponent("model.gguf")
            try DecoderDirectory.writeGGUF(
                Decoder(configuration, key: RandomKey(1)), tokenizer, type: .float32, name: "ends", to: url)
            #expect(try DecoderDirectory.read(url).configuration.endTokens == [0, turn])
        }
    }

    struct Shape: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let architecture: String
        let tokenizer: String
        let make: @Sendable (Int) -> DecoderConfiguration
    }

    private static func llama(
        _ vocabulary: Int, rotary: RotaryPositions = RotaryPositions(base: 10_000), biases: DecoderBiases = .none
    ) -> DecoderConfiguration {
        DecoderConfiguration(
            llama: vocabulary, hiddenSize: 64, layers: 2, heads: 4, keyHeads: 2, feedForward: 96, maximumPositions: 64,
            rotary: rotary, tiesEmbeddings: biases == .none, biases: biases)
    }

    static let shapes = [
        Shape(testDescription: "llama", architecture: "llama", tokenizer: "smollm") { llama($0 + 3) },
        Shape(testDescription: "llama with linear positions", architecture: "llama", tokenizer: "llama2") {
            llama($0, rotary: RotaryPositions(base: 500, scaling: .linear(factor: 2)))
        },
        Shape(testDescription: "llama with stretched positions", architecture: "llama", tokenizer: "llama3") {
            llama(
                $0, rotary: RotaryPositions(base: 500, scaling: .llama3(factor: 8, low: 1, high: 4, original: 32)))
        },
        Shape(testDescription: "uneven llama", architecture: "deci", tokenizer: "gpt2") {
            var configuration = llama($0)
            configuration.heads = [4, 2]
            configuration.keyHeads = [2, 1]
            configuration.feedForward = [96, 64]
            return configuration
        },
        Shape(testDescription: "llama without some blocks", architecture: "deci", tokenizer: "gpt2") {
            var configuration = llama($0)
            configuration.heads = [4, 0, 0, 2]
            configuration.keyHeads = [2, 0, 0, 1]
            configuration.feedForward = [96, 64, 0, 64]
            return configuration
        },
        Shape(testDescription: "qwen2", architecture: "qwen2", tokenizer: "qwen2") {
            llama($0, biases: .queryKeyValue)
        },
        Shape(testDescription: "gpt2", architecture: "gpt2", tokenizer: "gpt2") {
            DecoderConfiguration(
                vocabularySize: $0, hiddenSize: 64, layers: 2, heads: 4, feedForward: 128, maximumPositions: 64,
                dropout: 0)
        },
    ]

    /// Weights large enough for the logits to differ between texts.
    private func decoder(_ configuration: DecoderConfiguration) -> Decoder {
        let decoder = Decoder(configuration, key: RandomKey(5))
        for parameter in decoder.parameters {
            let key = RandomKey(6).mixed(parameter.name)
            parameter.value = Tensor(
                parameter.value.values.enumerated().map {
                    $1 * (parameter.decays ? 6 : 1) + Float(key.normal($0)) * 0.02
                },
                shape: parameter.value.shape)
        }
        return decoder
    }

    private let batch = PackedBatch([[1, 5, 9, 30, 7, 7, 2], [40, 3]], samples: [0, 1])

    @Test("read back, they are the same decoder and the same tokenizer", arguments: shapes)
    func roundTrip(_ shape: Shape) throws {
        let tokenizer = try tokenizer(shape.tokenizer)
        let decoder = decoder(shape.make(tokenizer.vocabularySize))
        try withDirectory { directory in
            let url = directory.appendingPathComponent("model.gguf")
            try DecoderDirectory.writeGGUF(decoder, tokenizer, type: .float32, name: "mini", to: url)
            let first = try Data(contentsOf: url)
            try DecoderDirectory.writeGGUF(decoder, tokenizer, type: .float32, name: "mini", to: url)
            #expect(try Data(contentsOf: url) == first)
            let file = try GGUFFile(reading: url)
            #expect(try file.string("general.architecture") == shape.architecture)
            let read = try DecoderDirectory.read(url)
            #expect(read.configuration.heads == decoder.configuration.heads)
            #expect(read.configuration.keyHeads == decoder.configuration.keyHeads)
            let tokens: [Int32] = [1, 5, 9, 30]
            let last = DecoderSession(try DecoderDirectory.readRunner(url)).append(tokens)
            let all = decoder.logits(PackedBatch([tokens], samples: [0]))
            #expect(zip(last.values, all.values.suffix(last.count)).allSatisfy { abs($0 - $1) < 1e-4 })
            #expect(read.configuration.feedForward == decoder.configuration.feedForward)
            for (a, b) in zip(read.parameters, decoder.parameters) {
                #expect(a.name == b.name && a.value.values == b.value.values)
            }
            #expect(largestDifference(read.logits(batch), decoder.logits(batch)) < 1e-5)
            let copy = try DecoderDirectory.readTokenizer(url)
            let text = "Hello there, it's 2024: naïve café 😀"
            #expect(copy.encode(text, maxLength: 99) == tokenizer.encode(text, maxLength: 99))
        }
    }

    @Test("rounded forms stay close, in the order of their bits", arguments: shapes)
    func rounded(_ shape: Shape) throws {
        let tokenizer = try tokenizer(shape.tokenizer)
        let decoder = decoder(shape.make(tokenizer.vocabularySize))
        let expected = decoder.logits(batch)
        try withDirectory { directory in
            let errors = try [ElementType.float16, .q80, .q40].map { type -> Float in
                let url = directory.appendingPathComponent("model.gguf")
                try DecoderDirectory.writeGGUF(decoder, tokenizer, type: type, name: "mini", to: url)
                #expect(try GGUFFile(reading: url)["token_embd.weight"]?.type == type)
                return largestDifference(try DecoderDirectory.read(url).logits(batch), expected)
            }
            #expect(errors[0] < errors[1] && errors[1] < errors[2])
            #expect(errors[0] > 0 && errors[2] < 2 * expected.values.map(abs).max()!)
        }
    }

    @Test("what llama.cpp would compute otherwise is refused")
    func refusals() throws {
        let tokenizer = try tokenizer("gpt2")
        let count = tokenizer.vocabularySize
        var unevenGPT2 = Self.shapes[6].make(count)
        unevenGPT2.feedForward = [128, 64]
        var unevenQwen = Self.shapes[5].make(count)
        unevenQwen.feedForward = [96, 64]
        var exact = Self.shapes[6].make(count)
        exact.activation = .gelu
        var biased = Self.shapes[0].make(count)
        biased.biases = .all
        let yarn = Self.llama(
            count,
            rotary: RotaryPositions(
                base: 10_000, scaling: .yarn(factor: 4, fast: 32, slow: 1, original: 32, magnitude: 1)))
        func pruned(_ heads: [Int], _ feedForward: [Int]) -> DecoderConfiguration {
            var configuration = Self.llama(count)
            configuration.heads = heads
            configuration.keyHeads = heads.map { $0 / 2 }
            configuration.feedForward = feedForward
            return configuration
        }
        try withDirectory { directory in
            let url = directory.appendingPathComponent("model.gguf")
            for (configuration, part) in [
                (unevenGPT2, "GPT-2"), (unevenQwen, "Qwen2"), (exact, "GELU"), (biased, "biases"), (yarn, "YaRN"),
                (Self.llama(count - 1), "rows"), (pruned([0, 4], [96, 96]), "heads in the first layer"),
                (pruned([4, 4], [0, 96]), "leaves out the attention"), (pruned([4, 0], [96, 0]), "in the last layer"),
            ] {
                let error = try #require(throws: InputError.self) {
                    try DecoderDirectory.writeGGUF(
                        Decoder(unfilled: configuration), tokenizer, type: .float32, name: "x", to: url)
                }
                #expect(error.problem.contains(part), "\(error.problem)")
                #expect(!FileManager.default.fileExists(atPath: url.path))
            }
        }
    }

    @Test("a tokenizer that GGUF has no name for is refused", arguments: ["bert", "gpt4o", "mixed"])
    func strangeTokenizers(name: String) throws {
        let tokenizer = try tokenizer(name)
        let error = try #require(throws: InputError.self) {
            try GGUFVocabulary(tokenizer, rows: tokenizer.vocabularySize)
        }
        #expect(error.field == "tokenizer")
    }
}
