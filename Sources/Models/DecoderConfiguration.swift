/// The shape of a GPT-2-shaped decoder (Radford et al. 2019).
///
/// Layers may differ in their number of heads and in their feed-forward size.
public struct DecoderConfiguration: Equatable, Sendable {
    public var vocabularySize: Int
    public var hiddenSize: Int
    /// Width of one head (D); the same in all layers.
    public var headSize: Int
    /// Heads per layer (H).
    public var heads: [Int]
    /// Width of the feed-forward block per layer (F).
    public var feedForward: [Int]
    public var maximumPositions: Int
    public var layerNormEpsilon: Float
    /// One rate for the embeddings, the attention weights and what each block adds to its input.
    public var dropout: Float

    public var layers: Int { heads.count }

    /// A decoder whose layers all have the same sizes.
    public init(
        vocabularySize: Int, hiddenSize: Int, layers: Int, heads: Int, feedForward: Int, maximumPositions: Int,
        dropout: Float
    ) {
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        headSize = hiddenSize / heads
        self.heads = Array(repeating: heads, count: layers)
        self.feedForward = Array(repeating: feedForward, count: layers)
        self.maximumPositions = maximumPositions
        layerNormEpsilon = 1e-5
        self.dropout = dropout
    }
}
