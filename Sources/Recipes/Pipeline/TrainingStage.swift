import Distillation
import Files
import Foundation
import Layers

/// Runs one trainer to its end inside a run: goes on from its newest checkpoint, saves new ones, logs every step, and
/// stops between two steps when the process is told to.
struct TrainingStage {
    /// Unique in the run, such as `student` or `prune-2`.
    let name: String
    /// Digest of what the result depends on; a checkpoint from other inputs is not used.
    let inputs: String
    let run: RunDirectory
    let recipe: Recipe
    let log: TrainingLog
    let observer: any RunObserver

    /// Where an example of the training was written, such as `train.csv:12`.
    let place: (Int) -> String

    /// - Returns: what to say about where the training ended, if it was watched.
    /// - Throws: `Interrupted` after a checkpoint; `InputError` after one from before more steps in a row than
    ///   `train.max_skipped` were not finite.
    func train(_ trainer: Trainer) throws -> String? {
        let store = CheckpointStore(
            directory: run.file("checkpoints"), stage: name, inputs: inputs, keep: recipe.run.keep)
        if let checkpoint = try store.newest(rejecting: { observer.note("checkpoint left aside: \($0)") }) {
            try checkpoint.restore(trainer)
            try log.goBack(to: checkpoint)
            observer.note("\(name): going on after step \(trainer.step) of \(trainer.options.totalSteps)")
            let changes = changes(since: checkpoint.recipe)
            if !changes.isEmpty { observer.note("\(name): from here on with \(changes.joined(separator: ", "))") }
        } else {
            try log.forget(stage: name)
        }
        trainer.onGradients = { try log.append(gradientsOf: $1, at: $0, of: name) }
        let clock = ContinuousClock()
        var rate = ExamplesPerSecond()
        /// The metrics log's size before the first of the steps that were left out last.
        var goodBytes = try log.size
        func save() throws {
            let checkpoint = Checkpoint(
                trainer, stage: name, inputs: inputs, recipe: recipe.resolvedYAML(), metricsBytes: goodBytes)
            // A log that is shorter than the checkpoint says would lack steps.
            try log.synchronize()
            try store.save(checkpoint)
        }
        while !trainer.isFinished {
            do {
                try Interruption.check()
            } catch {
                try save()
                throw error
            }
            let start = clock.now
            let report = try trainer.takeStep()
            rate.add(examples: report.examples, seconds: start.duration(to: clock.now).seconds)
            try append(report, rate: rate.value)
            if report.applied {
                goodBytes = try log.size
            } else {
                noteSkipped(report)
            }
            if trainer.skipped > recipe.train.maxSkipped {
                try save()
                throw diverged(trainer)
            }
            report.validation.map { note($0, trainer) }
            let left = Double((trainer.options.totalSteps - trainer.step) * trainer.options.batch) / rate.value
            observer.trained(
                TrainingProgress(
                    stage: name, report: report, totalSteps: trainer.options.totalSteps,
                    examplesPerSecond: rate.value, secondsLeft: left))
            if trainer.step % recipe.run.checkpointEvery == 0, !trainer.isFinished { try save() }
        }
        trainer.finish()
        return trainer.best.map { best in
            let metric = recipe.train.earlyStopping?.metric.rawValue ?? "value"
            return "best validation \(metric) \(String(format: "%.4f", best.value)) after step \(best.step)"
                + (trainer.stoppedEarly ? ", stopped after \(trainer.step) of \(trainer.options.totalSteps)" : "")
        }
    }

    /// The lines of the recipe that are not those of the checkpoint.
    private func changes(since old: String) -> [String] {
        let (new, old) = (recipe.resolvedYAML(), old)
        guard new != old else { return [] }
        let difference = new.split(separator: "\n").difference(from: old.split(separator: "\n"))
        return difference.insertions.compactMap { change in
            guard case .insert(_, let line, _) = change else { return nil }
            return line.trimmingCharacters(in: .whitespaces)
        }
    }

    /// A step with a non-finite loss never reaches the weights; its rows are named, for they may be the reason.
    private func noteSkipped(_ report: StepReport) {
        let shown = report.faulty.prefix(64).map(place).joined(separator: ", ")
        let rest = report.faulty.count > 64 ? " and \(report.faulty.count - 64) more" : ""
        let what = report.loss.isFinite ? "gradient" : "loss"
        observer.note("\(name): step \(report.step) left out: its \(what) is not finite; its rows: \(shown)\(rest)")
    }

    private func diverged(_ trainer: Trainer) -> InputError {
        let steps = trainer.skipped == 1 ? "a step was" : "\(trainer.skipped) steps in a row were"
        return InputError(
            file: run.url.path, field: name, problem: "training diverged: \(steps) not finite",
            remedy: "the weights of step \(trainer.state.step) are saved; look at the rows named above, lower "
                + "learning_rate or clip in the run's resolved.yaml, then `retort resume` goes on from there")
    }

    private func note(_ values: ValidationValues, _ trainer: Trainer) {
        let isBest = trainer.best?.step == trainer.step
        observer.note(
            "\(name): step \(trainer.step): validation loss \(String(format: "%.4f", values.loss))"
                + (values.accuracy.map { String(format: ", accuracy %.4f", $0) } ?? "")
                + (isBest ? ", the best so far" : ""))
    }

    private func append(_ report: StepReport, rate: Double) throws {
        func finite(_ value: Float) -> Double? { value.isFinite ? Double(value) : nil }
        try log.append(
            MetricsLog.Line(
                step: report.step, time: Date().timeIntervalSince1970, stage: name, loss: finite(report.loss),
                terms: report.terms.reduce(into: [:]) { $0[$1.name] = finite($1.value) },
                learningRate: Double(report.learningRate), gradientNorm: finite(report.gradientNorm),
                examplesPerSecond: rate,
                // JSON has no NaN; it is in the note.
                validation: report.validation.flatMap { $0.loss.isFinite ? $0 : nil }))
    }
}

/// A running rate that forgets: the mean over about the last fifty steps.
private struct ExamplesPerSecond {
    private(set) var value = 0.0

    mutating func add(examples: Int, seconds: Double) {
        let now = Double(examples) / max(seconds, 1e-9)
        value = value == 0 ? now : 0.98 * value + 0.02 * now
    }
}

extension Duration {
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
