import Files
import Foundation
import Layers
import Models
import Testing

/// What published `config.json` files leave out, and how older ones say it.
@Suite("Decoder configuration")
struct DecoderConfigurationTests {
    private static var llama: [String: Any] {
        [
            "model_type": "llama", "vocab_size": 31, "hidden_size": 16, "num_hidden_layers": 2,
            "num_attention_heads": 4, "intermediate_size": 24,
        ]
    }

    private func read(_ content: [String: Any]) throws -> DecoderConfiguration {
        try read(JSONSerialization.data(withJSONObject: content))
    }

    private func read(_ content: Data) throws -> DecoderConfiguration {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).json")
        try content.write(to: url)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: url) } }
        return try DecoderConfiguration(reading: url)
    }

    private func llama(_ more: [String: Any]) throws -> DecoderConfiguration {
        try read(Self.llama.merging(more) { $1 })
    }

    @Test("what a file leaves out is as in the reference implementation")
    func standards() throws {
        var expected = DecoderConfiguration(
            llama: 31, hiddenSize: 16, layers: 2, heads: 4, keyHeads: 4, feedForward: 24, maximumPositions: 2048,
            tiesEmbeddings: false)
        expected.normEpsilon = 1e-6
        #expect(try llama([:]) == expected)
        #expect(try llama(["num_key_value_heads": NSNull(), "rope_scaling": NSNull()]) == expected)
        let gpt2 = DecoderConfiguration(
            vocabularySize: 31, hiddenSize: 16, layers: 2, heads: 4, feedForward: 64, maximumPositions: 12, dropout: 0.1
        )
        #expect(
            try read([
                "model_type": "gpt2", "vocab_size": 31, "n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 12,
                "n_inner": NSNull(),
            ]) == gpt2)
    }

    @Test("scaled angles under their older names as under the newer ones")
    func olderNames() throws {
        let newer = try llama(["rope_parameters": ["rope_type": "linear", "factor": 4, "rope_theta": 500]])
        #expect(newer.rotary == RotaryPositions(base: 500, scaling: .linear(factor: 4)))
        #expect(try llama(["rope_theta": 500, "rope_scaling": ["type": "linear", "factor": 4]]) == newer)
        #expect(try llama(["rope_theta": 500, "rope_scaling": ["rope_type": "linear", "factor": 4.0]]) == newer)
    }

    @Test("YaRN's magnitude is what is stated, the quotient of two weights, or the paper's")
    func magnitude() throws {
        func magnitude(_ more: [String: Any]) throws -> Double? {
            let section: [String: Any] = ["rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 64]
            return try llama(["rope_scaling": section.merging(more) { $1 }]).rotary?.magnitude
        }
        let logarithm = log(4.0)
        let (paper, first, second) = (0.1 * logarithm + 1, 0.2 * logarithm + 1, 0.05 * logarithm + 1)
        #expect(try magnitude([:]) == paper)
        #expect(try magnitude(["attention_factor": 1.5]) == 1.5)
        #expect(try magnitude(["mscale": 2, "mscale_all_dim": 0.5]) == first / second)
        #expect(try magnitude(["mscale": 2]) == paper)
        let stated = try llama(["rope_scaling": ["rope_type": "yarn", "factor": 4, "attention_factor": 1.5]])
        #expect(try read(stated.json()) == stated)
    }

    @Test("one end token or several")
    func endTokens() throws {
        #expect(try llama([:]).endTokens.isEmpty)
        #expect(try llama(["eos_token_id": 2]).endTokens == [2])
        let several = try llama(["eos_token_id": [2, 5]])
        #expect(several.endTokens == [2, 5])
        #expect(try read(several.json()).endTokens == [2, 5])
    }

    @Test("lists all problems at once, each by its key")
    func problems() throws {
        let errors = #expect(throws: InputErrors.self) {
            try llama([
                "vocab_size": "31", "hidden_size": 0, "rope_scaling": ["rope_type": "yarn"], "mlp_bias": "no",
                "rms_norm_eps": 0, "eos_token_id": "</s>", "layer_key_value_heads": [4], "attention_dropout": 1,
                "quantization_config": [String: Any](), "layer_types": ["sliding_attention"],
            ])
        }
        let fields = try #require(errors).errors.compactMap(\.field)
        #expect(
            Set(fields) == [
                "vocab_size", "hidden_size", "rope_scaling.factor", "mlp_bias", "rms_norm_eps", "eos_token_id",
                "layer_key_value_heads", "attention_dropout", "quantization_config", "layer_types",
            ])
        for section in [[1, 2], "linear"] as [Any] {
            let error = #expect(throws: InputErrors.self) { try llama(["rope_scaling": section]) }
            #expect(try #require(error).errors.map(\.field) == ["rope_scaling"])
        }
    }

    @Test("frequencies divided by the factors of a GGUF file")
    func factors() {
        let plain = RotaryPositions(base: 100).frequencies(headSize: 6)
        let scaled = RotaryPositions(base: 100, scaling: .factors([1, 2, 8])).frequencies(headSize: 6)
        #expect(scaled == [plain[0], plain[1] / 2, plain[2] / 8])
    }

    @Test("the factors of a GGUF file are written as what they came from, or refused")
    func publishedFactors() throws {
        var configuration = try llama(["head_dim": 16])
        let plain = RotaryPositions(base: 500_000).frequencies(headSize: 16)
        let published = RotaryPositions.Scaling.llama3(factor: 32, low: 1, high: 4, original: 8192)
        let scaled = RotaryPositions(base: 500_000, scaling: published).frequencies(headSize: 16)
        let factors = zip(plain, scaled).map { Double(Float($0 / $1)) }
        for (factors, expected) in [
            (factors, published), (factors.map { _ in 4 }, .linear(factor: 4)), (factors.map { _ in 1 }, nil),
        ] as [([Double], RotaryPositions.Scaling?)] {
            configuration.rotary = RotaryPositions(base: 500_000, scaling: .factors(factors))
            #expect(try read(configuration.json()).rotary == RotaryPositions(base: 500_000, scaling: expected))
        }
        configuration.rotary = RotaryPositions(base: 500_000, scaling: .factors([1, 1, 3, 2, 2, 8, 8, 8]))
        #expect(throws: InputError.self) { try configuration.json() }
    }

    /// 8 · ln(4096 / (n · 2π)) / (2 · ln 10⁴) is 1.3 for n = 32 turns and 2.8 for one: pairs 1 to 3 are blended, the middle one
    /// half and half.
    @Test("YaRN blends between the whole pairs around those that turn fast and slow")
    func blendedFrequencies() {
        let positions = RotaryPositions(
            base: 10_000, scaling: .yarn(factor: 4, fast: 32, slow: 1, original: 4096, magnitude: 1))
        let expected: [Double] = [1, 0.1, 0.00625, 0.00025]
        for (found, expected) in zip(positions.frequencies(headSize: 8), expected) {
            #expect(abs(found / expected - 1) < 1e-6)
        }
    }

    @Test("a layer has no heads of either kind, or query heads that share the others")
    func emptyLayers() throws {
        for (heads, keyHeads, isSound) in [
            ([0, 2], [0, 1], true), ([0, 2], [1, 1], false), ([4, 2], [0, 1], false), ([4, 0], [2, 0], true),
        ] {
            var configuration = DecoderConfiguration(
                llama: 31, hiddenSize: 16, layers: 2, heads: 4, keyHeads: 2, feedForward: 24, maximumPositions: 40)
            configuration.heads = heads
            configuration.keyHeads = keyHeads
            configuration.feedForward = [0, 24]
            let file = try configuration.json()
            guard isSound else {
                let error = #expect(throws: InputErrors.self) { try read(file) }
                #expect(error?.errors.map(\.field) == ["num_key_value_heads"])
                continue
            }
            #expect(try read(file) == configuration)
            #expect(Decoder(unfilled: configuration).parameterCount == configuration.parameterCount)
        }
    }

    @Test("parameterCount is that of the decoder, whichever biases it has")
    func parameterCount() {
        for query in [false, true] {
            for (output, feedForward) in [(false, true), (true, false), (true, true)] {
                let configuration = DecoderConfiguration(
                    llama: 31, hiddenSize: 16, layers: 2, heads: 4, keyHeads: 2, feedForward: 24, maximumPositions: 40,
                    tiesEmbeddings: false, biases: DecoderBiases(query: query, output: output, feedForward: feedForward)
                )
                #expect(
                    Decoder(unfilled: configuration).parameterCount == configuration.parameterCount,
                    "\(configuration.biases)")
            }
        }
    }
}
