/// What is removed from a model, and how it is chosen.
public struct PruningOptions: Codable, Equatable, Sendable {
    public var criterion: ImportanceCriterion
    public var normalize: ScoreNormalization
    /// Share of all heads that stays.
    public var keepHeads: Double
    /// Share of all feed-forward neurons that stays; 1 leaves them alone.
    public var keepNeurons: Double
    /// Rounds in which an equal part is scored and removed.
    public var rounds: Int
    /// Heads that stay in every layer; with 0 a layer may lose its whole attention.
    public var minimumHeads: Int
    /// Neurons that stay in every layer; with 0 a layer may lose its whole feed-forward block.
    public var minimumNeurons: Int

    public init(
        criterion: ImportanceCriterion = .sensitivity, normalize: ScoreNormalization = .layer, keepHeads: Double,
        keepNeurons: Double = 1, rounds: Int, minimumHeads: Int = 1, minimumNeurons: Int = 1
    ) {
        self.criterion = criterion
        self.normalize = normalize
        self.keepHeads = keepHeads
        self.keepNeurons = keepNeurons
        self.rounds = rounds
        self.minimumHeads = minimumHeads
        self.minimumNeurons = minimumNeurons
    }
}
