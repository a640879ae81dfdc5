import Distillation
import Files
import Foundation
import Tensors

/// Carries out a recipe in a run directory, stage by stage. A stage that finished earlier from the same inputs is not
/// run again; one that was interrupted goes on from its last checkpoint.
public final class Pipeline {
    /// The stages in their order.
    public enum Stage: String, CaseIterable, Sendable {
        /// Learns the vocabulary, or takes over the teacher's.
        case tokenizer
        /// Trains the teacher on the labels, or takes the one that the recipe names.
        case teacher
        /// Records what the teacher says about the training rows.
        case label
        /// Trains the student on the labels alone, to compare with.
        case baseline = "labels_only"
        /// Trains the student by the teacher's targets.
        case student
        /// Fine-tunes the distilled student on other rows.
        case adapt
        /// Removes heads and neurons, and recovers.
        case prune
        /// Trains for INT8.
        case quantize
        /// Writes the finished model in each format.
        case export
        /// Compares all models on the test rows, and writes the report.
        case evaluate
    }

    private let context: RunContext
    private let task: any TaskStages
    private var state: RunState
    private let lock: RunLock

    /// Takes hold of the run directory and reads the data.
    ///
    /// - Throws: `RunInUse`, or `InputErrors` with every problem of the recipe's data.
    public init(run: RunDirectory, observer: any RunObserver) throws {
        lock = try RunLock(run)
        let recipe = try run.recipe()
        try run.removeLeftovers()
        context = RunContext(
            run: run, recipe: recipe, observer: try RunLog(run, forwardingTo: observer),
            log: TrainingLog(run, recipe: recipe))
        state = try RunState(reading: run)
        task = try Self.task(context)
    }

    /// The stages of the recipe's task; reads the data.
    static func task(_ context: RunContext) throws -> any TaskStages {
        switch context.recipe.task {
        case .classification: try ClassificationStages(context)
        case .languageModel: try LanguageModelStages(context)
        case .regression, .embedding: try ValueStages(context)
        }
    }

    private var run: RunDirectory { context.run }
    private var recipe: Recipe { context.recipe }
    private var observer: any RunObserver { context.observer }

    /// Runs the stages that the recipe asks for, up to and including `last`.
    ///
    /// - Returns: the report, where the last stage was reached.
    /// - Throws: `Interrupted` after a checkpoint; `InputError` where a file is at fault.
    @discardableResult
    public func execute(through last: Stage = .evaluate) throws -> (any RunReport)? {
        try recordEnvironment()
        for (file, rows) in task.inputs.skipped where !rows.isEmpty {
            observer.note("\(file): \(rows.count) bad rows left out, listed in skipped.txt")
        }
        let skipped = task.inputs.skipped.flatMap(\.rows)
        if !skipped.isEmpty { try AtomicFile.write("\(InputErrors(skipped))\n", to: run.file("skipped.txt")) }
        let stages = Self.stages(of: recipe, through: last)
        var report: (any RunReport)?
        for (index, stage) in stages.enumerated() {
            try Interruption.check()
            observer.began(stage.rawValue, position: index + 1, of: stages.count)
            let inputs = StageInputs(of: stage, recipe: recipe, outside: task.inputs, state: state)
            if try state.isFinished(stage.rawValue, inputs: inputs.digest, in: run) {
                observer.skipped(stage.rawValue)
                if stage == .evaluate { report = try RunSummary(reading: run) }
                continue
            }
            let clock = ContinuousClock()
            let start = clock.now
            let result: StageResult
            if stage == .evaluate {
                let evaluated = try task.evaluate(stages: stages)
                report = evaluated.report
                result = evaluated.result
                try RunSummary(evaluated.report, showing: recipe.evaluate.metrics).write(to: run)
            } else {
                let unmended = StageInputs(
                    of: stage, recipe: recipe.unmended, outside: task.inputs, state: state)
                result = try task.carryOut(stage, inputs: unmended.digest)
            }
            try context.log.append(resultOf: stage.rawValue, result.metrics)
            let seconds = start.duration(to: clock.now).seconds
            state.stages[stage.rawValue] = try RunState.Stage(
                inputs: inputs.digest, parts: inputs.parts, outputs: digests(result.outputs), seconds: seconds)
            try state.write(to: run)
            // Only now: a process killed before this line goes on from them.
            try run.removeCheckpoints()
            StoragePool.shared.drain()
            observer.ended(stage.rawValue, seconds: seconds, summary: result.summary)
        }
        return report
    }

    /// The stages that a recipe asks for.
    public static func stages(of recipe: Recipe) -> [Stage] {
        Stage.allCases.filter { stage in
            switch stage {
            case .teacher: recipe.teacher.model != nil || recipe.teacher.train != nil
            case .label: recipe.teacher.targets.source == .recorded && recipe.teacher.targets.file == nil
            case .baseline: recipe.train.baseline
            case .adapt: recipe.adapt != nil
            case .prune: recipe.prune != nil
            case .quantize: recipe.quantize != nil
            default: true
            }
        }
    }

    /// Writes where the run began; a resumed run says so if it goes on elsewhere.
    private func recordEnvironment() throws {
        let current = RunEnvironment.current()
        guard let first = try RunEnvironment(reading: run) else { return try current.write(to: run) }
        if !first.computes(as: current) {
            observer.note("this run began elsewhere (\(first)); results may differ in the last digits")
        }
    }

    private func digests(_ outputs: [String]) throws -> [String: String] {
        var result: [String: String] = [:]
        for path in outputs { result[path] = try Digest.sha256(fileAt: run.file(path)) }
        return result
    }
}
