public import Compression

/// How far a model is to be pruned.
public enum PruningTarget: Equatable, Sendable {
    /// Shares of the heads and of the neurons that stay.
    case shares(heads: Double, neurons: Double)
    /// Weights that the model has at most; heads and neurons keep the same share.
    case parameters(Int)
    /// Milliseconds that one text of the data takes at most, in the median, measured on this machine.
    case milliseconds(Double)
}

/// What `retort prune` does to a model directory.
public struct PruningRequest: Sendable {
    public var target: PruningTarget
    public var criterion: ImportanceCriterion
    public var normalize: ScoreNormalization
    public var minimumHeads: Int
    public var minimumNeurons: Int
    /// Whole layers that stay; nil: all.
    public var layers: Int?
    /// Texts that are timed for a latency.
    public var queries: Int
    public var seed: UInt64

    public init(
        target: PruningTarget, criterion: ImportanceCriterion = .sensitivity, normalize: ScoreNormalization = .layer,
        minimumHeads: Int = 1, minimumNeurons: Int = 1, layers: Int? = nil, queries: Int = 100, seed: UInt64 = 1
    ) {
        self.target = target
        self.criterion = criterion
        self.normalize = normalize
        self.minimumHeads = minimumHeads
        self.minimumNeurons = minimumNeurons
        self.layers = layers
        self.queries = queries
        self.seed = seed
    }
}
