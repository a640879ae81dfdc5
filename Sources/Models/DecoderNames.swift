/// The names under which published checkpoints of a family store a decoder's weights, without `.weight` and `.bias`.
///
/// GPT-2's files fuse query, key and value into `attn.c_attn`; here the three are layers of their own, `attn.query`,
/// `attn.key` and `attn.value`, so that heads can be removed from them.
public struct DecoderNames: Sendable {
    /// The names of one block's weights.
    public struct Block: Sendable {
        public let attentionNorm: String
        public let query: String
        public let key: String
        public let value: String
        public let attentionOutput: String
        public let feedForwardNorm: String
        /// nil in blocks without a gate.
        public let gate: String?
        public let up: String
        public let down: String
    }

    public let tokens: String
    /// Learned positions; nil where positions are rotary.
    public let positions: String?
    public let finalNorm: String
    public let output = "lm_head"
    private let family: DecoderConfiguration.Family

    public init(_ family: DecoderConfiguration.Family) {
        self.family = family
        switch family {
        case .gpt2:
            (tokens, positions, finalNorm) = ("transformer.wte", "transformer.wpe", "transformer.ln_f")
        case .llama, .qwen2:
            (tokens, positions, finalNorm) = ("model.embed_tokens", nil, "model.norm")
        }
    }

    public func block(_ index: Int) -> Block {
        switch family {
        case .gpt2:
            let prefix = "transformer.h.\(index)."
            return Block(
                attentionNorm: prefix + "ln_1", query: prefix + "attn.query", key: prefix + "attn.key",
                value: prefix + "attn.value", attentionOutput: prefix + "attn.c_proj",
                feedForwardNorm: prefix + "ln_2", gate: nil, up: prefix + "mlp.c_fc", down: prefix + "mlp.c_proj")
        case .llama, .qwen2:
            let prefix = "model.layers.\(index)."
            return Block(
                attentionNorm: prefix + "input_layernorm", query: prefix + "self_attn.q_proj",
                key: prefix + "self_attn.k_proj", value: prefix + "self_attn.v_proj",
                attentionOutput: prefix + "self_attn.o_proj", feedForwardNorm: prefix + "post_attention_layernorm",
                gate: prefix + "mlp.gate_proj", up: prefix + "mlp.up_proj", down: prefix + "mlp.down_proj")
        }
    }
}
