import Distillation
import Foundation
import Layers

/// All that a run logs of its training: `metrics.jsonl`, and TensorBoard's events where the recipe asks for them. What
/// was logged after the checkpoint from which a stage goes on is cut off, so that no step stands there twice.
final class TrainingLog {
    private let metrics: MetricsLog
    private let events: EventLog?
    private let histogramEvery: Int

    init(_ run: RunDirectory, recipe: Recipe) throws {
        metrics = try MetricsLog(run)
        events = try recipe.run.log.contains(.tensorboard) ? EventLog(run) : nil
        histogramEvery = recipe.run.histogramEvery
    }

    /// The size of `metrics.jsonl`, all of which is on the disk.
    func synchronizedSize() throws -> Int {
        try metrics.synchronize()
        return try metrics.size
    }

    /// Forgets what was logged after a checkpoint.
    func goBack(to checkpoint: Checkpoint) throws {
        try metrics.truncate(to: checkpoint.metricsBytes)
        try events?.forget(checkpoint.stage, after: checkpoint.step)
    }

    /// Forgets what a stage logged before, because the stage begins anew.
    func forget(stage: String) throws {
        try metrics.forget(stage: stage)
        try events?.forget(stage, after: 0)
    }

    func append(_ line: MetricsLog.Line) throws {
        try metrics.append(line)
        try events?.append(line)
    }

    /// Logs how the gradients of each parameter are distributed, if it is the step's turn.
    func append(gradientsOf parameters: [Parameter], at step: Int, of stage: String) throws {
        guard let events, histogramEvery > 0, step.isMultiple(of: histogramEvery) else { return }
        try events.append(gradientsOf: parameters, at: step, of: stage)
    }

    /// Logs how good the result of a stage is, in place of what it logged of that before.
    func append(resultOf stage: String, _ metrics: [(name: String, value: Double)]) throws {
        guard let events, !metrics.isEmpty else { return }
        try events.append(resultOf: stage, metrics)
    }
}
