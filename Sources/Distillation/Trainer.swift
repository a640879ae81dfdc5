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

    public init(
        totalSteps: Int, batch: Int, microBatch: Int, learningRate: Float, decay: LearningRateSchedule.Decay,
        warmUp: Double, clip: Float, weightDecay: Float, seed: UInt64, precision: Precision = .float32,
        checkpointing: Bool = false
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
    /// False where a non-finite loss or gradient made the step be left out.
    public let applied: Bool
}

/// Takes optimizer steps. Everything about step s (its examples, its dropout, its learning rate) is a function of the
/// seed and s alone, so a trainer that is restored to step s goes on exactly as it would have.
public final class Trainer {
    public let options: TrainingOptions
    public let optimizer: AdamW
    /// Steps taken so far.
    public private(set) var step = 0
    /// Sees the parameters with a step's whole gradients, before clipping and the update.
    public var onGradients: ((_ step: Int, _ parameters: [Parameter]) throws -> Void)?
    private let objective: any Objective
    private let schedule: LearningRateSchedule
    private let stepsPerEpoch: Int
    private let key: RandomKey
    private var order: (epoch: Int, examples: [Int])?

    /// - Parameter parameters: what is trained, in a fixed order.
    public init(parameters: [Parameter], objective: any Objective, options: TrainingOptions) {
        precondition(
            objective.exampleCount > 0 && options.batch > 0 && options.microBatch > 0, "Trainer: nothing to do")
        self.options = options
        self.objective = objective
        optimizer = AdamW(parameters: parameters, weightDecay: options.weightDecay)
        schedule = LearningRateSchedule(
            peak: options.learningRate, decay: options.decay, warmUp: options.warmUp, totalSteps: options.totalSteps)
        stepsPerEpoch = TrainingOptions.steps(epochs: 1, examples: objective.exampleCount, batch: options.batch)
        key = RandomKey(options.seed)
    }

    public var isFinished: Bool { step >= options.totalSteps }

    /// The epoch of the next step, from 0.
    public var epoch: Int { step / stepsPerEpoch }

    /// Goes on from a checkpoint that was written after `step` steps.
    public func restore(step: Int, firstMoments: [Tensor], secondMoments: [Tensor], optimizerStep: Int) {
        self.step = step
        optimizer.restore(step: optimizerStep, firstMoments: firstMoments, secondMoments: secondMoments)
    }

    /// Takes one step: all micro-batches of the batch, clipping, AdamW.
    public func takeStep() throws -> StepReport {
        let examples = batch(at: step)
        let scope = StepScope(
            lengths: examples.map(objective.length), dropout: key.mixed("dropout").mixed(epoch))
        var loss: Float = 0
        var sums: [LossTerm] = []
        for start in stride(from: 0, to: examples.count, by: options.microBatch) {
            let part = microBatch(of: examples, at: start)
            let next = start + part.count
            if next < examples.count {
                objective.prepare(microBatch(of: examples, at: next))
            } else if step + 1 < options.totalSteps {
                objective.prepare(microBatch(of: batch(at: step + 1), at: 0))
            }
            let tape = Tape(precision: options.precision, checkpointing: options.checkpointing)
            let result = try objective.loss(of: part, in: scope, on: tape)
            loss += result.loss.value.scalar
            sums = sums.isEmpty ? result.terms : zip(sums, result.terms).map { $0.adding($1) }
            tape.backward(from: result.loss)
        }
        let norm = Profile.measure(.optimizer) { Float(optimizer.gradientNorm) }
        try onGradients?(step + 1, optimizer.parameters)
        let rate = schedule.rate(at: step)
        let applied = loss.isFinite && norm.isFinite
        if applied {
            let scale = options.clip > 0 && norm > options.clip ? options.clip / norm : 1
            Profile.measure(.optimizer) { optimizer.update(learningRate: rate, gradientScale: scale) }
        } else {
            optimizer.clearGradients()
        }
        step += 1
        return StepReport(
            step: step, loss: loss, terms: sums, learningRate: rate, gradientNorm: norm, examples: examples.count,
            applied: applied)
    }

    private func microBatch(of examples: [Int], at start: Int) -> [Int] {
        Array(examples[start..<min(start + options.microBatch, examples.count)])
    }

    /// The examples of a step: the epoch's permutation, cut into batches.
    private func batch(at step: Int) -> [Int] {
        let epoch = step / stepsPerEpoch
        if order?.epoch != epoch {
            order = (epoch, key.mixed("order").mixed(epoch).permutation(objective.exampleCount))
        }
        let start = step % stepsPerEpoch * options.batch
        return Array(order!.examples[start..<min(start + options.batch, objective.exampleCount)])
    }
}

extension LossTerm {
    fileprivate func adding(_ other: LossTerm) -> LossTerm {
        LossTerm(name: name, value: value + other.value)
    }
}
