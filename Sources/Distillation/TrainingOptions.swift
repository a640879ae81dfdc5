public import Layers
public import Tensors

/// How a model is trained.
public struct TrainingOptions: Equatable, Sendable {
    public var totalSteps: Int
    public var batch: Int
    /// Examples per forward and backward pass; the gradient does not depend on it.
    public var microBatch: Int
    public var learningRate: Float
    public var decay: LearningRateSchedule.Decay
    /// Share of the steps in which the rate rises.
    public var warmUp: Double
    /// Largest global gradient norm; 0 leaves gradients as they are.
    public var clip: Float
    public var weightDecay: Float
    public var seed: UInt64
    /// Of the matrix products; weights, optimizer and everything else are float32.
    public var precision: Precision
    /// Whether backward computes each layer again instead of keeping its activations.
    public var checkpointing: Bool
    /// Decay of the moving average of the weights; nil: none is kept.
    public var averageDecay: Float?

    public init(
        totalSteps: Int, batch: Int, microBatch: Int, learningRate: Float, decay: LearningRateSchedule.Decay,
        warmUp: Double, clip: Float, weightDecay: Float, seed: UInt64, precision: Precision = .float32,
        checkpointing: Bool = false, averageDecay: Float? = nil
    ) {
        self.totalSteps = totalSteps
        self.batch = batch
        self.microBatch = microBatch
        self.learningRate = learningRate
        self.decay = decay
        self.warmUp = warmUp
        self.clip = clip
        self.weightDecay = weightDecay
        self.seed = seed
        self.precision = precision
        self.checkpointing = checkpointing
        self.averageDecay = averageDecay
    }

    /// Steps for `epochs` passes over `examples`.
    public static func steps(epochs: Int, examples: Int, batch: Int) -> Int {
        epochs * ((examples + batch - 1) / batch)
    }
}

/// What one optimizer step did.
public struct StepReport: Sendable {
    /// Steps taken so far, this one included.
    public let step: Int
    public let loss: Float
    public let terms: [LossTerm]
    public let learningRate: Float
    public let gradientNorm: Float
    public let examples: Int
    /// The examples whose loss was not finite, or the whole batch where the gradient alone was not; the step was left
    /// out. Empty where it was taken.
    public let faulty: [Int]
    /// What the validation rows say after this step, where it was time to ask them.
    public let validation: ValidationValues?

    /// False where a non-finite loss or gradient made the step be left out.
    public var applied: Bool { faulty.isEmpty }
}
