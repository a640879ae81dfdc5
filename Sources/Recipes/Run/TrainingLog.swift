import Distillation
import Foundation
import Layers

/// All that a run logs of its training: `metrics.jsonl`, and TensorBoard's events where the recipe asks for them. What
/// was logged after the checkpoint from which a stage goes on is cut off, so that no step stands there twice.
///
/// The files are touched when something is first logged.
final class TrainingLog {
    private let run: RunDirectory
    private let recipe: Recipe
    private var opened: (metrics: MetricsLog, events: EventLog?)?

    init(_ run: RunDirectory, recipe: Recipe) {
        self.run = run
        self.recipe = recipe
    }

    private func files() throws -> (metrics: MetricsLog, events: EventLog?) {
        if let opened { return opened }
        let events = try recipe.run.log.contains(.tensorboard) ? EventLog(run) : nil
        let files = (try MetricsLog(run), events)
        opened = files
        return files
    }

    /// The size of `metrics.jsonl`.
    var size: Int {
        get throws { try files().metrics.size }
    }

    /// Waits until all that was logged is on the disk.
    func synchronize() throws {
        try files().metrics.synchronize()
    }

    /// Forgets what was logged after a checkpoint.
    func goBack(to checkpoint: Checkpoint) throws {
        let (metrics, events) = try files()
        try metrics.truncate(to: checkpoint.metricsBytes)
        try events?.forget(checkpoint.stage, after: checkpoint.state.step)
    }

    /// Forgets what a stage logged before, because the stage begins anew.
    func forget(stage: String) throws {
        let (metrics, events) = try files()
        try metrics.forget(stage: stage)
        try events?.forget(stage, after: 0)
    }

    func append(_ line: MetricsLog.Line) throws {
        let (metrics, events) = try files()
        try metrics.append(line)
        try events?.append(line)
    }

    /// Logs how the gradients of each parameter are distributed, if it is the step's turn.
    func append(gradientsOf parameters: [Parameter], at step: Int, of stage: String) throws {
        let every = recipe.run.histogramEvery
        guard every > 0, step.isMultiple(of: every) else { return }
        try files().events?.append(gradientsOf: parameters, at: step, of: stage)
    }

    /// Logs how good the result of a stage is, in place of what it logged of that before.
    func append(resultOf stage: String, _ metrics: [(name: String, value: Double)]) throws {
        guard !metrics.isEmpty else { return }
        try files().events?.append(resultOf: stage, metrics)
    }
}
