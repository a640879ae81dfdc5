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

    func train(_ trainer: Trainer) throws {
        let store = CheckpointStore(
            directory: run.file("checkpoints"), stage: name, inputs: inputs, keep: recipe.run.keep)
        if let checkpoint = try store.newest(rejecting: { observer.note("checkpoint left aside: \($0)") }) {
            try checkpoint.restore(trainer)
            try log.goBack(to: checkpoint)
            observer.note("\(name): going on after step \(trainer.step) of \(trainer.options.totalSteps)")
        } else {
            try log.forget(stage: name)
        }
        trainer.onGradients = { try log.append(gradientsOf: $1, at: $0, of: name) }
        let clock = ContinuousClock()
        var rate = ExamplesPerSecond()
        var leftOut = 0
        while !trainer.isFinished {
            do {
                try Interruption.check()
            } catch {
                try save(trainer, in: store)
                throw error
            }
            let start = clock.now
            let report = try trainer.takeStep()
            rate.add(examples: report.examples, seconds: start.duration(to: clock.now).seconds)
            try checkApplied(report, &leftOut)
            try append(report, rate: rate.value)
            let left = Double((trainer.options.totalSteps - trainer.step) * trainer.options.batch) / rate.value
            observer.trained(
                TrainingProgress(
                    stage: name, report: report, totalSteps: trainer.options.totalSteps,
                    examplesPerSecond: rate.value, secondsLeft: left))
            if trainer.step % recipe.run.checkpointEvery == 0, !trainer.isFinished { try save(trainer, in: store) }
        }
    }

    /// A step with a non-finite loss never reaches the weights; many in a row mean that training has diverged.
    private func checkApplied(_ report: StepReport, _ leftOut: inout Int) throws {
        leftOut = report.applied ? 0 : leftOut + 1
        if !report.applied {
            observer.note("\(name): step \(report.step) left out: its loss or gradient is not finite")
        }
        if leftOut >= 20 {
            throw InputError(
                file: run.url.path, field: name, problem: "training diverged: 20 steps in a row were not finite",
                remedy: "lower the learning rate, or look for broken targets with retort inspect")
        }
    }

    private func save(_ trainer: Trainer, in store: CheckpointStore) throws {
        try store.save(Checkpoint(trainer, stage: name, inputs: inputs, metricsBytes: log.synchronizedSize()))
    }

    private func append(_ report: StepReport, rate: Double) throws {
        func finite(_ value: Float) -> Double? { value.isFinite ? Double(value) : nil }
        try log.append(
            MetricsLog.Line(
                step: report.step, time: Date().timeIntervalSince1970, stage: name, loss: finite(report.loss),
                terms: report.terms.reduce(into: [:]) { $0[$1.name] = finite($1.value) },
                learningRate: Double(report.learningRate), gradientNorm: finite(report.gradientNorm),
                examplesPerSecond: rate))
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
