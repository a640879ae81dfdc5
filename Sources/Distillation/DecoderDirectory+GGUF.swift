import Files
public import Formats
public import Foundation
import Layers
public import Models
import Tensors
public import Tokenizers

extension DecoderDirectory {
    /// Writes a decoder as the GGUF file that llama.cpp loads.
    ///
    /// Llama's, Qwen2's and GPT-2's graphs take one size for all layers; a Llama-shaped decoder with uneven layers is
    /// written for the graph of `deci`, which has sizes per layer, and layers without attention. Norms, biases and position tables are F32; matrices whose
    /// rows are no whole blocks are F16 in block formats.
    ///
    /// - Parameters:
    ///   - type: of the matrices: `float32`, `float16`, `q80` or `q40`.
    ///   - name: `general.name`.
    /// - Throws: `InputError` if no graph of llama.cpp computes this decoder, or the tokenizer has no GGUF form.
    public static func writeGGUF(
        _ decoder: Decoder, _ tokenizer: any Tokenizer, type: ElementType, name: String, to url: URL
    ) throws {
        let configuration = decoder.configuration
        var file = GGUFBuilder(architecture: try architecture(of: configuration))
        try GGUFForm.describe(name, type, in: &file)
        describe(configuration, in: &file)
        var vocabulary = try GGUFVocabulary(tokenizer, rows: configuration.vocabularySize)
        vocabulary.special.end = configuration.endTokens.first ?? vocabulary.special.end
        GGUFForm.describe(vocabulary, in: &file)
        // Of what else ends a text GGUF has a name for one: what ends a turn.
        let others = configuration.endTokens.dropFirst()
        let turns = ["<|eot_id|>", "<|im_end|>", "<end_of_turn>", "<|end|>"]
        if let turn = others.first(where: { turns.contains(tokenizer.token($0)) }) ?? others.first {
            file.set("tokenizer.ggml.eot_token_id", .unsigned(UInt32(turn)))
        }
        let layout = DecoderLayout(gguf: configuration)
        var fused: [String: [Float]] = [:]
        for parameter in decoder.parameters {
            let part = layout.part(of: parameter, configuration)
            var values = parameter.value.values
            try GGUFForm.requireFinite(values, part.name)
            let width = parameter.value.width
            if let order = part.order {
                let own = values
                let inner = parameter.value.shape.count == 1 ? 1 : width
                for (row, stored) in order.enumerated() {
                    for column in 0..<inner { values[stored * inner + column] = own[row * inner + column] }
                }
            }
            var shape = parameter.value.shape
            if let outputs = part.outputs {
                // Query, key and value come one after the other.
                fused[part.name, default: []] += values
                shape[0] = outputs
                guard fused[part.name]!.count == shape.reduce(1, *) else { continue }
                values = fused.removeValue(forKey: part.name)!
            }
            file.add(
                part.name,
                GGUFForm.tensor(values, shape, part.name == "position_embd.weight" ? .float32 : type))
        }
        if let factors = configuration.rotary.flatMap({ frequencyFactors($0, headSize: configuration.headSize) }) {
            file.add("rope_freqs.weight", .float32(shape: [factors.count], factors))
        }
        try file.write(to: url)
    }

    private static func architecture(of configuration: DecoderConfiguration) throws -> String {
        func isEven(_ sizes: [Int]) -> Bool { Set(sizes).count == 1 && sizes[0] > 0 }
        let even = isEven(configuration.heads) && isEven(configuration.keyHeads) && isEven(configuration.feedForward)
        func refuse(_ problem: String) -> InputError {
            InputError(problem: problem, remedy: "export the model as safetensors")
        }
        if case .yarn? = configuration.rotary?.scaling {
            throw refuse("rotary positions stretched by YaRN are not written as GGUF")
        }
        switch configuration.family {
        case .gpt2:
            guard configuration.activation == .geluTanh else {
                throw refuse("llama.cpp computes GPT-2's GELU by its tangent, the model has the exact one")
            }
            guard even else { throw refuse("llama.cpp has one size for all layers of GPT-2; this model's differ") }
            return "gpt2"
        case .qwen2:
            guard even else { throw refuse("llama.cpp has one size for all layers of Qwen2; this model's differ") }
            return "qwen2"
        case .llama:
            guard configuration.biases == .none else {
                throw refuse("llama.cpp's graph for uneven or plain Llama layers has no biases; this model has some")
            }
            guard !even else { return "llama" }
            try requireDeci(configuration)
            return "deci"
        }
    }

    /// Refuses layers that the graph of `deci` computes otherwise: without neurons it leaves out the layer's attention too,
    /// and the last layer must have some; the size of a head is the first layer's.
    private static func requireDeci(_ configuration: DecoderConfiguration) throws {
        let (heads, inner) = (configuration.heads, configuration.feedForward)
        let remedy = "prune with at least one head and one neuron in each layer, or export the model as safetensors"
        guard heads[0] > 0 else {
            throw InputError(
                problem: "llama.cpp needs heads in the first layer, which has none in this model", remedy: remedy)
        }
        let last = heads.count - 1
        for layer in heads.indices where inner[layer] == 0 && (heads[layer] > 0 || layer == last) {
            throw InputError(
                problem: heads[layer] > 0
                    ? "llama.cpp leaves out the attention of layers without neurons, such as layer \(layer) of this model"
                    : "llama.cpp needs neurons in the last layer, which has none in this model",
                remedy: remedy)
        }
    }

    private static func describe(_ configuration: DecoderConfiguration, in file: inout GGUFBuilder) {
        func sizes(_ key: String, _ values: [Int]) {
            file.setOwn(
                key,
                Set(values).count == 1 ? .unsigned(UInt32(values[0])) : .integers(values.map { Int32($0) }))
        }
        file.setOwn("block_count", .unsigned(UInt32(configuration.layers)))
        file.setOwn("context_length", .unsigned(UInt32(configuration.maximumPositions)))
        file.setOwn("embedding_length", .unsigned(UInt32(configuration.hiddenSize)))
        file.setOwn("vocab_size", .unsigned(UInt32(configuration.vocabularySize)))
        sizes("feed_forward_length", configuration.feedForward)
        sizes("attention.head_count", configuration.heads)
        sizes("attention.head_count_kv", configuration.keyHeads)
        guard let rotary = configuration.rotary else {
            return file.setOwn("attention.layer_norm_epsilon", .float32(configuration.normEpsilon))
        }
        file.setOwn("attention.layer_norm_rms_epsilon", .float32(configuration.normEpsilon))
        file.setOwn("attention.key_length", .unsigned(UInt32(configuration.headSize)))
        file.setOwn("attention.value_length", .unsigned(UInt32(configuration.headSize)))
        file.setOwn("rope.dimension_count", .unsigned(UInt32(configuration.headSize)))
        file.setOwn("rope.freq_base", .float32(Float(rotary.base)))
        if case .linear(let factor)? = rotary.scaling {
            file.setOwn("rope.scaling.type", .string("linear"))
            file.setOwn("rope.scaling.factor", .float32(Float(factor)))
        }
    }

    /// By what the frequencies are divided, where that differs from one to the next.
    private static func frequencyFactors(_ rotary: RotaryPositions, headSize: Int) -> [Float]? {
        switch rotary.scaling {
        case nil, .linear, .yarn: return nil
        case .factors(let factors): return factors.map { Float($0) }
        case .llama3:
            let plain = RotaryPositions(base: rotary.base).frequencies(headSize: headSize)
            return zip(plain, rotary.frequencies(headSize: headSize)).map { Float($0 / $1) }
        }
    }
}
