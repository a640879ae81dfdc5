import Distillation
import Files
import Foundation

/// Whether a stage of a run would be carried out now, and why.
public struct StageExplanation: Equatable, Sendable, Encodable {
    public enum Verdict: String, Sendable, Encodable {
        /// It finished from the same inputs, and all that it made is there.
        case finished
        /// It would run, or go on from a checkpoint.
        case runs
        /// A stage before it would run; this one runs too if that makes something else than before.
        case depends
    }

    public let stage: String
    public let verdict: Verdict
    public let reasons: [String]
}

extension Pipeline {
    /// Explains each stage up to and including `last`, as it would be in a new run.
    public static func explainNewRun(of recipe: Recipe, through last: Stage = .evaluate) -> [StageExplanation] {
        stages(of: recipe, through: last).map {
            StageExplanation(stage: $0.rawValue, verdict: .runs, reasons: ["a new run has nothing yet"])
        }
    }

    /// Explains each stage up to and including `last` of a run as it lies there. Writes nothing.
    ///
    /// - Throws: `InputErrors` with every problem of the recipe's data.
    public static func explain(_ run: RunDirectory, through last: Stage = .evaluate) throws -> [StageExplanation] {
        let recipe = try run.recipe()
        let state = try RunState(reading: run)
        let context = RunContext(
            run: run, recipe: recipe, observer: NobodyWatches(), log: TrainingLog(run, recipe: recipe))
        let outside = try task(context).inputs
        var changing: [Stage] = []
        return try stages(of: recipe, through: last).map { stage in
            let inputs = StageInputs(of: stage, recipe: recipe, outside: outside, state: state)
            var reasons = try state.reasons(toRun: stage.rawValue, inputs, in: run)
            let verdict: StageExplanation.Verdict
            let sources = StageInputs.dependencies(of: stage).sources.filter(changing.contains)
            if !reasons.isEmpty {
                verdict = .runs
                if let step = try CheckpointStore.newestStep(
                    in: run.file("checkpoints"), ofStage: stage.rawValue)
                {
                    reasons.append("a checkpoint of step \(step) is there")
                }
            } else if !sources.isEmpty {
                verdict = .depends
                let names = sources.map { "`\($0.rawValue)`" }.joined(separator: ", ")
                reasons = ["only if the result of \(names) comes out differently"]
            } else {
                verdict = .finished
            }
            if verdict != .finished { changing.append(stage) }
            return StageExplanation(stage: stage.rawValue, verdict: verdict, reasons: reasons)
        }
    }

    /// The stages that the recipe asks for, up to and including `last`.
    static func stages(of recipe: Recipe, through last: Stage) -> [Stage] {
        stages(of: recipe).prefix { $0 != last } + [last]
    }
}

extension RunState {
    /// Why a stage is not finished; empty if it is.
    fileprivate func reasons(toRun stage: String, _ inputs: StageInputs, in run: RunDirectory) throws -> [String] {
        guard let record = stages[stage] else { return ["it has not finished before"] }
        var reasons: [String] = []
        if record.inputs != inputs.digest {
            if let before = record.parts {
                for name in Set(before.keys).union(inputs.parts.keys).sorted()
                where before[name] != inputs.parts[name] {
                    let change = before[name] == nil ? "is new" : inputs.parts[name] == nil ? "is gone" : "changed"
                    reasons.append("\(name) \(change)")
                }
            } else {
                reasons.append("its inputs changed; the version that ran it did not record which")
            }
        }
        return try reasons + record.damagedOutputs(in: run).map { "\($0.path), which it made, \($0.problem)" }
    }
}

/// Where nothing is carried out, there is nothing to show.
private final class NobodyWatches: RunObserver {
    func began(_ stage: String, position: Int, of count: Int) {}
    func skipped(_ stage: String) {}
    func trained(_ progress: TrainingProgress) {}
    func advanced(_ stage: String, done: Int, total: Int, unit: String) {}
    func ended(_ stage: String, seconds: Double, summary: String) {}
    func note(_ text: String) {}
}
