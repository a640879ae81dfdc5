import Layers
import Models
import Tensors

/// How a format names and lays out the weights of a decoder.
enum DecoderLayout {
    /// `GPT2LMHeadModel`: matrices of blocks as [I, O], query, key and value fused.
    case gpt2
    /// `LlamaForCausalLM` and `Qwen2ForCausalLM`: as here.
    case llama
    /// GGUF's names. In files of Llama models the rows of query and key heads are in the order of interleaved pairs:
    /// row (h, j, s) of the file is row (h, s, j) here, s telling the halves of a head apart.
    case gguf(permutesHeads: Bool)
    /// GGUF's names of GPT-2: query, key and value fused.
    case ggufGPT2

    init(gguf configuration: DecoderConfiguration) {
        self = configuration.family == .gpt2 ? .ggufGPT2 : .gguf(permutesHeads: configuration.family == .llama)
    }

    /// The name with the prefix that some published files leave out.
    func standardName(_ name: String) -> String {
        switch self {
        case .gpt2: name.hasPrefix("transformer.") || name.hasPrefix("lm_head.") ? name : "transformer." + name
        case .llama: name.hasPrefix("model.") || name.hasPrefix("lm_head.") ? name : "model." + name
        case .gguf, .ggufGPT2: name
        }
    }

    /// Where a parameter stands among the stored tensors.
    func part(of parameter: Parameter, _ configuration: DecoderConfiguration) -> StoredPart {
        part(named: parameter.name, outputs: parameter.value.shape[0], configuration)
    }

    /// Where the weight or bias of this name, with so many outputs, stands among the stored tensors.
    func part(named name: String, outputs: Int, _ configuration: DecoderConfiguration) -> StoredPart {
        switch self {
        case .llama: StoredPart(name)
        case .gpt2: gpt2Part(name, outputs)
        case .ggufGPT2: ggufGPT2Part(name, outputs)
        case .gguf(let permutesHeads):
            StoredPart(
                Self.ggufName(name),
                order: permutesHeads && (name.contains(".q_proj.") || name.contains(".k_proj."))
                    ? Self.interleaved(outputs, headSize: configuration.headSize) : nil)
        }
    }

    private func gpt2Part(_ name: String, _ outputs: Int) -> StoredPart {
        let isTransposed = name.contains(".h.") && name.hasSuffix(".weight") && !name.contains(".ln_")
        for (index, projection) in ["query", "key", "value"].enumerated() where name.contains(".attn.\(projection).") {
            return StoredPart(
                name.replacing("attn.\(projection)", with: "attn.c_attn"), isTransposed: isTransposed,
                first: index * outputs, of: 3 * outputs)
        }
        return StoredPart(name, isTransposed: isTransposed)
    }

    private func ggufGPT2Part(_ name: String, _ outputs: Int) -> StoredPart {
        var result = name
        for (ours, theirs) in [
            ("transformer.wte", "token_embd"), ("transformer.wpe", "position_embd"),
            ("transformer.ln_f", "output_norm"),
            ("lm_head", "output"), ("transformer.h.", "blk."), ("ln_1", "attn_norm"), ("ln_2", "ffn_norm"),
            ("attn.c_proj", "attn_output"), ("mlp.c_fc", "ffn_up"), ("mlp.c_proj", "ffn_down"),
        ] {
            result = result.replacing(ours, with: theirs)
        }
        for (index, projection) in ["query", "key", "value"].enumerated() where result.contains(".attn.\(projection).")
        {
            return StoredPart(
                result.replacing("attn.\(projection)", with: "attn_qkv"), first: index * outputs, of: 3 * outputs)
        }
        return StoredPart(result)
    }

    /// The stored row of each row.
    private static func interleaved(_ rows: Int, headSize: Int) -> [Int] {
        (0..<rows).map { row in
            let (head, inside) = (row / headSize, row % headSize)
            return head * headSize + inside % (headSize / 2) * 2 + inside / (headSize / 2)
        }
    }

    private static func ggufName(_ name: String) -> String {
        for (ours, theirs) in [
            ("model.embed_tokens", "token_embd"), ("model.norm", "output_norm"), ("lm_head", "output"),
        ] where name.hasPrefix(ours) {
            return theirs + name.dropFirst(ours.count)
        }
        var result = name.replacing("model.layers.", with: "blk.")
        for (ours, theirs) in [
            ("input_layernorm", "attn_norm"), ("self_attn.q_proj", "attn_q"), ("self_attn.k_proj", "attn_k"),
            ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"),
            ("post_attention_layernorm", "ffn_norm"), ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"),
            ("mlp.down_proj", "ffn_down"),
        ] {
            result = result.replacing(ours, with: theirs)
        }
        return result
    }

    /// Whether a surplus tensor carries no knowledge: masks that old files hold, angles, a second copy of a tied table.
    func isIgnored(_ name: String, _ configuration: DecoderConfiguration) -> Bool {
        switch self {
        case .gpt2:
            name.hasSuffix(".attn.bias") || name.hasSuffix(".attn.masked_bias")
                || configuration.tiesEmbeddings && name == "lm_head.weight"
        case .llama:
            name.hasSuffix(".rotary_emb.inv_freq") || configuration.tiesEmbeddings && name == "lm_head.weight"
        case .gguf: name == "rope_freqs.weight"
        case .ggufGPT2: configuration.tiesEmbeddings && name == "output.weight"
        }
    }
}
