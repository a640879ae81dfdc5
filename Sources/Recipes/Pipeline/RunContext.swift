import Distillation
import Evaluation
import Layers

/// What the stages of a run share, whatever its task.
struct RunContext {
    let run: RunDirectory
    let recipe: Recipe
    let observer: any RunObserver
    let metrics: MetricsLog

    /// The recipe's way of training, for any number of steps.
    func trainingOptions(steps: Int, learningRate: Double, seed: UInt64) -> TrainingOptions {
        let train = recipe.train
        let decay: LearningRateSchedule.Decay =
            switch train.schedule {
            case .constant: .constant
            case .linear: .linear
            case .cosine: .cosine
            }
        return TrainingOptions(
            totalSteps: steps, batch: train.batch, microBatch: train.microBatch, learningRate: Float(learningRate),
            decay: decay, warmUp: train.warmup, clip: Float(train.clip), weightDecay: Float(train.weightDecay),
            seed: seed, precision: recipe.trainingPrecision, checkpointing: train.checkpointing)
    }

    /// The recipe's rule for ending a student's training early, with what looks at the validation rows.
    func validation(_ measure: @escaping () throws -> ValidationValues) -> Validation? {
        recipe.train.earlyStopping.map { rule in
            Validation(
                stopping: EarlyStopping(
                    metric: rule.metric == .loss ? .loss : .accuracy, every: rule.every, patience: rule.patience,
                    minimumDelta: rule.minDelta),
                measure: measure)
        }
    }

    /// Trains to the end, from the newest checkpoint if there is one.
    ///
    /// - Parameters:
    ///   - name: of the training stage, unique in the run, such as `student` or `prune-2`.
    ///   - inputs: digest of what the result depends on.
    ///   - place: where an example was written, such as `train.csv:12`.
    /// - Returns: what to say about where a validated training ended.
    @discardableResult
    func train(
        _ name: String, _ inputs: String, _ parameters: [Parameter], _ objective: any Objective,
        _ options: TrainingOptions, validation: Validation? = nil, place: @escaping (Int) -> String
    ) throws -> String? {
        let stage = TrainingStage(
            name: name, inputs: inputs, run: run, recipe: recipe, metrics: metrics, observer: observer, place: place)
        return try stage.train(
            Trainer(parameters: parameters, objective: objective, options: options, validation: validation))
    }

    /// The losses of all training stages so far.
    func learningCurves() throws -> [LearningCurve] {
        var curves: [LearningCurve] = []
        for line in try MetricsLog.read(run) {
            if curves.last?.stage != line.stage { curves.append(LearningCurve(stage: line.stage, points: [])) }
            guard let loss = line.loss else { continue }
            curves[curves.count - 1].points.append(.init(step: line.step, loss: loss, terms: line.terms))
        }
        return curves
    }
}

/// `1234567` as `1,234,567`.
func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    return digits.enumerated().map { index, digit in
        (index > 0 && (digits.count - index) % 3 == 0 ? "," : "") + String(digit)
    }.joined()
}
