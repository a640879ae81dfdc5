import Distillation
public import Evaluation
import Files
import Layers

/// What the stages of a run do, for one task. The pipeline calls them in order and remembers what they made.
protocol TaskStages {
    /// What the run reads from outside.
    var inputs: TaskInputs { get }

    /// Carries out a stage other than the evaluation.
    ///
    /// - Parameter inputs: digest of all that the stage's result depends on but what may be mended on the way: a stage under
    ///   way goes on from where it stood with the same.
    /// - Throws: `Interrupted` after a checkpoint; `InputError` where a file is at fault.
    func carryOut(_ stage: Pipeline.Stage, inputs: String) throws -> StageResult

    /// Judges the models of these stages on the test rows, and writes the report.
    func evaluate(stages: [Pipeline.Stage]) throws -> (report: any RunReport, result: StageResult)
}

/// What a run reads from outside, by digests.
struct TaskInputs {
    /// Of the data's files and of how they are read.
    var data: String
    /// Of the ready teacher's files, or of the tokenizer's; empty where the run makes its own.
    var teacher: String
    /// Of the files that the student begins with; empty where it begins with none.
    var checkpoint: String
    /// Of the soft targets that the recipe names; empty where the run records its own.
    var targets: String
    /// Of the rows that the distilled student is adapted to; empty where it is not.
    var adapt: String
    /// Per split: its file, and why rows were left out.
    var skipped: [(file: String, rows: [InputError])]
}

/// What a stage made.
struct StageResult {
    /// A few words for the person who watches.
    var summary: String
    /// Files inside the run, by which later stages and a resumed run know it.
    var outputs: [String]
    /// Numbers that tell how good it is, by name.
    var metrics: [(name: String, value: Double)] = []
}

/// What a run came to, whatever its task.
public protocol RunReport {
    /// The models and their numbers, for a terminal.
    func lines(showing metrics: [Recipe.Metric]) -> [String]
    var gates: [GateOutcome] { get }
    var headline: RunHeadline { get }
    /// Test metrics, named `model/metric`, for TensorBoard.
    var scalars: [(name: String, value: Double)] { get }
    /// Its files in `report`.
    var files: [String] { get }
}

/// The number that a task is judged by, of each model.
public struct RunHeadline {
    /// With its unit, such as `Test accuracy, %`.
    public var name: String
    /// Digits after the point.
    public var precision: Int
    /// Whether a smaller number is a better one.
    public var isCost = false
    public var models: [(key: String, name: String, value: Double)]
}

extension RunReport {
    /// Whether every gate passed; true if there are none.
    public var passed: Bool { gates.allSatisfy(\.passed) }

    /// As the result of the evaluation's stage.
    var result: StageResult {
        StageResult(
            summary: gates.isEmpty ? "no gates" : passed ? "all gates passed" : "a gate failed",
            outputs: files.map { "report/\($0)" } + [RunSummary.path], metrics: scalars)
    }
}
