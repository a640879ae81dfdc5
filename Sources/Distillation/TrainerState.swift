public import Tensors

/// All that changes while a trainer works. Everything else (the order of the data, dropout, the learning rate) follows from
/// the seed and the step.
public struct TrainerState: Sendable {
    /// Steps taken, those left out included.
    public var step: Int
    /// Steps of the optimizer.
    public var optimizerStep: Int
    /// In the order of the parameters, as are all that follow.
    public var weights: [Tensor]
    public var firstMoments: [Tensor]
    public var secondMoments: [Tensor]
    /// Nil where no average is kept.
    public var averages: [Tensor]?
    /// Nil until the validation rows were asked.
    public var best: Best?
    /// Looks at the validation rows in a row without an improvement.
    public var misses: Int

    /// The weights that did best on the validation rows.
    public struct Best: Sendable {
        public var step: Int
        public var value: Double
        public var weights: [Tensor]

        public init(step: Int, value: Double, weights: [Tensor]) {
            self.step = step
            self.value = value
            self.weights = weights
        }
    }

    public init(
        step: Int, optimizerStep: Int, weights: [Tensor], firstMoments: [Tensor], secondMoments: [Tensor],
        averages: [Tensor]? = nil, best: Best? = nil, misses: Int = 0
    ) {
        self.step = step
        self.optimizerStep = optimizerStep
        self.weights = weights
        self.firstMoments = firstMoments
        self.secondMoments = secondMoments
        self.averages = averages
        self.best = best
        self.misses = misses
    }

    /// The tensors by what they are: weights, m, v, and average and best where there are any.
    var groups: [(name: String, tensors: [Tensor])] {
        [("weights", weights), ("m", firstMoments), ("v", secondMoments)]
            + [("average", averages), ("best", best?.weights)].compactMap { name, tensors in
                tensors.map { (name, $0) }
            }
    }
}
