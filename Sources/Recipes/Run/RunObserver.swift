public import Distillation

/// Hears what a run does, to show it to a person.
public protocol RunObserver: AnyObject {
    /// A stage begins; `position` of `count` stages.
    func began(_ stage: String, position: Int, of count: Int)
    /// A stage was finished earlier, from the same inputs.
    func skipped(_ stage: String)
    /// A training step was taken.
    func trained(_ progress: TrainingProgress)
    /// Work other than training goes on: `done` of `total` items of a kind.
    func advanced(_ stage: String, done: Int, total: Int, unit: String)
    /// A stage ended; `summary` says in a few words what came out.
    func ended(_ stage: String, seconds: Double, summary: String)
    /// Something that a person should know.
    func note(_ text: String)
}

/// Where a training stage stands.
public struct TrainingProgress: Sendable {
    public let stage: String
    public let report: StepReport
    public let totalSteps: Int
    public let examplesPerSecond: Double
    public let secondsLeft: Double
}
