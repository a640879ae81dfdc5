/// The shape of a decoder: GPT-2's (Radford et al. 2019), or Llama's (Touvron et al. 2023, arXiv 2302.13971).
///
/// Layers may differ in their numbers of heads and in their feed-forward size.
public struct DecoderConfiguration: Equatable, Sendable {
    /// What a block is made of, and how its weights are named.
    public enum Family: String, Sendable, CaseIterable {
        /// Layer norms, learned positions, GELU, biases everywhere.
        case gpt2
        /// Root-mean-square norms, rotary positions, SwiGLU; also SmolLM2 and TinyLlama.
        case llama
        /// Llama's with biases in query, key and value.
        case qwen2
    }

    public var family: Family
    public var vocabularySize: Int
    public var hiddenSize: Int
    /// Width of one head (D); the same in all layers.
    public var headSize: Int
    /// Query heads per layer (H); 0 where pruning took the layer's attention.
    public var heads: [Int]
    /// Heads of keys and values per layer (G), which divide the layer's query heads; 0 where there are none.
    public var keyHeads: [Int]
    /// Width of the feed-forward block per layer (F); 0 where pruning took the block.
    public var feedForward: [Int]
    public var maximumPositions: Int
    public var normEpsilon: Float
    /// One rate for the embeddings, the attention weights and what each block adds to its input.
    public var dropout: Float
    /// Activation of a feed-forward block without a gate.
    public var activation: DecoderActivation
    /// How positions turn queries and keys; nil where positions are learned.
    public var rotary: RotaryPositions?
    /// Whether the projections of attention have biases, and those of the feed-forward block.
    public var biases: DecoderBiases
    /// Whether logits come from the table of token embeddings.
    public var tiesEmbeddings: Bool
    /// Tokens that end a text.
    public var endTokens: [Int32] = []

    public var layers: Int { heads.count }

    /// A GPT-2-shaped decoder whose layers all have the same sizes.
    public init(
        vocabularySize: Int, hiddenSize: Int, layers: Int, heads: Int, feedForward: Int, maximumPositions: Int,
        dropout: Float
    ) {
        family = .gpt2
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        headSize = hiddenSize / heads
        self.heads = Array(repeating: heads, count: layers)
        keyHeads = self.heads
        self.feedForward = Array(repeating: feedForward, count: layers)
        self.maximumPositions = maximumPositions
        normEpsilon = 1e-5
        self.dropout = dropout
        activation = .geluTanh
        rotary = nil
        biases = .all
        tiesEmbeddings = true
    }

    /// A Llama-shaped decoder whose layers all have the same sizes.
    public init(
        llama vocabularySize: Int, hiddenSize: Int, layers: Int, heads: Int, keyHeads: Int, feedForward: Int,
        maximumPositions: Int, rotary: RotaryPositions = RotaryPositions(base: 10_000), tiesEmbeddings: Bool = true,
        biases: DecoderBiases = .none
    ) {
        family = biases == .queryKeyValue ? .qwen2 : .llama
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        headSize = hiddenSize / heads
        self.heads = Array(repeating: heads, count: layers)
        self.keyHeads = Array(repeating: keyHeads, count: layers)
        self.feedForward = Array(repeating: feedForward, count: layers)
        self.maximumPositions = maximumPositions
        normEpsilon = 1e-5
        dropout = 0
        activation = .silu
        self.rotary = rotary
        self.biases = biases
        self.tiesEmbeddings = tiesEmbeddings
    }

    /// Number of weights of a decoder of this shape.
    public var parameterCount: Int {
        let width = hiddenSize
        let norm = family == .gpt2 ? 2 * width : width
        var count = vocabularySize * width * (tiesEmbeddings ? 1 : 2) + norm
        if rotary == nil { count += maximumPositions * width }
        for layer in 0..<layers {
            let (queries, keys, inner) = (heads[layer] * headSize, keyHeads[layer] * headSize, feedForward[layer])
            count += (queries > 0 ? norm : 0) + (inner > 0 ? norm : 0) + 2 * (queries + keys) * width
            count += biases.hasQuery ? queries + 2 * keys : 0
            count += biases.hasOutput ? width : 0
            count += family == .gpt2 ? 2 * inner * width : 3 * inner * width
            count += biases.hasFeedForward ? (family == .gpt2 ? inner + width : 2 * inner + width) : 0
        }
        return count
    }
}

/// The non-linearity of a decoder's feed-forward block.
public enum DecoderActivation: Sendable, Equatable {
    case gelu
    case geluTanh
    /// x · σ(x), of the gate of a gated block.
    case silu
}

/// Which projections of a decoder's blocks have biases.
public struct DecoderBiases: Equatable, Sendable {
    public var hasQuery: Bool
    public var hasOutput: Bool
    public var hasFeedForward: Bool

    public init(query: Bool, output: Bool, feedForward: Bool) {
        hasQuery = query
        hasOutput = output
        hasFeedForward = feedForward
    }

    public static let all = DecoderBiases(query: true, output: true, feedForward: true)
    public static let none = DecoderBiases(query: false, output: false, feedForward: false)
    /// As Qwen2 has them.
    public static let queryKeyValue = DecoderBiases(query: true, output: false, feedForward: false)
}
