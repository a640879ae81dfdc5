/// The names under which published checkpoints of a family store a decoder's weights.
///
/// GPT-2's files fuse query, key and value into `attn.c_attn`; here the three are layers of their own, `attn.query`,
/// `attn.key` and `attn.value`, so that heads can be removed from them.
struct DecoderNames {
    let tokens: String
    let positions: String
    let finalNorm: String
    let output: String
    let attentionNorm: String
    let query: String
    let key: String
    let value: String
    let attentionOutput: String
    let feedForwardNorm: String
    /// The gate of a gated block.
    let gate: String
    let up: String
    let down: String
    private let layerPrefix: String

    init(_ family: DecoderConfiguration.Family) {
        switch family {
        case .gpt2:
            tokens = "transformer.wte"
            positions = "transformer.wpe"
            finalNorm = "transformer.ln_f"
            layerPrefix = "transformer.h."
            (attentionNorm, feedForwardNorm) = ("ln_1", "ln_2")
            (query, key, value, attentionOutput) = ("attn.query", "attn.key", "attn.value", "attn.c_proj")
            (gate, up, down) = ("", "mlp.c_fc", "mlp.c_proj")
        case .llama, .qwen2:
            tokens = "model.embed_tokens"
            positions = ""
            finalNorm = "model.norm"
            layerPrefix = "model.layers."
            (attentionNorm, feedForwardNorm) = ("input_layernorm", "post_attention_layernorm")
            (query, key, value) = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
            attentionOutput = "self_attn.o_proj"
            (gate, up, down) = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
        }
        output = "lm_head"
    }

    /// What the names of a layer's weights begin with.
    func prefix(layer: Int) -> String { "\(layerPrefix)\(layer)." }
}
