public import Layers
import Tensors

/// Takes optimizer steps. Everything about step s (its examples, its dropout, its learning rate) is a function of the
/// seed and s alone, so a trainer that is restored to step s goes on exactly as it would have.
public final class Trainer {
    public let options: TrainingOptions
    public let optimizer: AdamW
    /// The moving average of the weights, where the options ask for one.
    public let average: MovingAverage?
    /// Steps taken so far.
    public private(set) var step = 0
    /// Sees the parameters with a step's whole gradients, before clipping and the update.
    public var onGradients: ((_ step: Int, _ parameters: [Parameter]) throws -> Void)?
    /// Steps left out in a row, up to now: their loss or gradient was not finite.
    public private(set) var skipped = 0
    /// The weights that did best on the validation rows; nil until those were asked.
    public private(set) var best: TrainerState.Best?
    private var misses = 0
    /// Kept only while steps are left out, when it shares its tensors with the optimizer.
    private var beforeSkipped: TrainerState?
    private let objective: any Objective
    private let validation: Validation?
    private let schedule: LearningRateSchedule
    private let stepsPerEpoch: Int
    private let key: RandomKey
    private var order: (epoch: Int, examples: [Int])?

    /// - Parameters:
    ///   - parameters: what is trained, in a fixed order.
    ///   - validation: nil: all steps are taken, and the last weights are the result.
    public init(
        parameters: [Parameter], objective: any Objective, options: TrainingOptions, validation: Validation? = nil
    ) {
        precondition(
            objective.exampleCount > 0 && options.batch > 0 && options.microBatch > 0, "Trainer: nothing to do")
        self.options = options
        self.objective = objective
        self.validation = validation
        optimizer = AdamW(parameters: parameters, weightDecay: options.weightDecay)
        average = options.averageDecay.map { MovingAverage(parameters: parameters, decay: $0) }
        schedule = LearningRateSchedule(
            peak: options.learningRate, decay: options.decay, warmUp: options.warmUp, totalSteps: options.totalSteps)
        stepsPerEpoch = TrainingOptions.steps(epochs: 1, examples: objective.exampleCount, batch: options.batch)
        key = RandomKey(options.seed)
    }

    public var isFinished: Bool { step >= options.totalSteps || stoppedEarly }

    /// Whether the validation rows have shown no improvement for as long as patience lasts.
    public var stoppedEarly: Bool { validation.map { misses >= $0.stopping.patience } ?? false }

    /// The epoch of the next step, from 0.
    public var epoch: Int { step / stepsPerEpoch }

    /// All that a trainer over the same parameters, with the same options, needs to go on. Where the last steps were left
    /// out it is the state before the first of them.
    public var state: TrainerState { beforeSkipped ?? current }

    private var current: TrainerState {
        TrainerState(
            step: step, optimizerStep: optimizer.step, weights: optimizer.parameters.map(\.value),
            firstMoments: optimizer.firstMoments, secondMoments: optimizer.secondMoments, averages: average?.values,
            best: best, misses: misses)
    }

    /// Goes on from where another trainer stood.
    public func restore(_ state: TrainerState) {
        precondition(state.averages != nil || average == nil, "Trainer.restore: no averages")
        for (parameter, value) in zip(optimizer.parameters, state.weights) { parameter.value = value }
        optimizer.restore(
            step: state.optimizerStep, firstMoments: state.firstMoments, secondMoments: state.secondMoments)
        if let averages = state.averages { average?.restore(averages) }
        (step, best, misses) = (state.step, state.best, state.misses)
        (skipped, beforeSkipped) = (0, nil)
    }

    /// Takes one step: all micro-batches of the batch, clipping, AdamW, the average, and a look at the validation rows
    /// where it is time. A loss or gradient that is not finite reaches none of them.
    public func takeStep() throws -> StepReport {
        let examples = batch(at: step)
        let scope = StepScope(
            lengths: examples.map(objective.length), dropout: key.mixed("dropout").mixed(epoch),
            progress: options.totalSteps > 1 ? Double(step) / Double(options.totalSteps - 1) : 0)
        var loss: Float = 0
        var sums: [LossTerm] = []
        var faulty: [Int] = []
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
            if !result.loss.value.scalar.isFinite { faulty += part }
            loss += result.loss.value.scalar
            sums = sums.isEmpty ? result.terms : zip(sums, result.terms).map { $0.adding($1) }
            tape.backward(from: result.loss)
        }
        let norm = Profile.measure(.optimizer) { Float(optimizer.gradientNorm) }
        try onGradients?(step + 1, optimizer.parameters)
        let rate = schedule.rate(at: step)
        let scale = options.clip > 0 && norm > options.clip ? options.clip / norm : 1
        // A gradient whose square overflows would leave an infinite second moment behind.
        if faulty.isEmpty, !(loss.isFinite && (norm * scale * norm * scale).isFinite) { faulty = examples }
        if faulty.isEmpty {
            (skipped, beforeSkipped) = (0, nil)
            Profile.measure(.optimizer) {
                optimizer.update(learningRate: rate, gradientScale: scale)
                average?.update(step: optimizer.step)
            }
        } else {
            if skipped == 0 { beforeSkipped = current }
            optimizer.clearGradients()
            skipped += 1
        }
        step += 1
        return StepReport(
            step: step, loss: loss, terms: sums, learningRate: rate, gradientNorm: norm, examples: examples.count,
            faulty: faulty, validation: try validate())
    }

    /// Puts the result in the place of the weights: the best ones where there is validation, else the average where
    /// one is kept. After this the trainer takes no more steps.
    public func finish() {
        guard let result = best?.weights ?? average?.values else { return }
        for (parameter, value) in zip(optimizer.parameters, result) { parameter.value = value }
    }

    /// Looks at the validation rows, with the average in the place of the weights, where it is time.
    private func validate() throws -> ValidationValues? {
        guard let validation, step % validation.stopping.every == 0 || step == options.totalSteps else { return nil }
        func look() throws -> ValidationValues {
            let values = try validation.measure()
            let value = validation.stopping.value(of: values)
            if validation.stopping.isImprovement(value, on: best?.value) {
                best = TrainerState.Best(step: step, value: value, weights: optimizer.parameters.map(\.value))
                misses = 0
            } else {
                misses += 1
            }
            return values
        }
        guard let average else { return try look() }
        return try average.whileApplied(look)
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
