import Distillation
import Files
import Formats
import Foundation

extension RunContext {
    /// Where the targets of the training rows are: as the recipe names them, mixed by the run, or recorded by it.
    var targetsPlace: URL {
        let targets = recipe.teacher.targets
        if let file = targets.file { return Recipe.place(file) }
        return run.file(targets.mix == nil ? Pipeline.targetsFolder : Pipeline.mixedTargetsFile)
    }

    /// Makes one recording of those that the recipe names.
    func mixTargets(_ mix: Recipe.TargetMix, outcomes: Int?) throws -> StageResult {
        let mixture = try recipe.mixture(mix, of: recipe.namedTargets(outcomes: outcomes))
        let summary = try mixture.write(
            to: run.file(Pipeline.mixedTargetsFile), digests: mixture.digests,
            notes: [
                "recipe": .string(recipe.name), "program": .string("retort \(Version.current)"),
                "mixture": .string(mix.rule.rawValue),
            ]
        ) { done, total in
            try Interruption.check()
            observer.advanced(Pipeline.Stage.label.rawValue, done: done, total: total, unit: "rows")
        }
        let shares = zip(mix.files, zip(mixture.weights, summary.rowsOfSource)).map { file, share in
            mix.rule == .mean ? "\(file) \(String(format: "%.3f", share.0))" : "\(file) \(grouped(share.1)) rows"
        }
        return StageResult(
            summary:
                "\(grouped(summary.rows)) distinct rows, \(mix.rule.rawValue) of \(shares.joined(separator: ", "))",
            outputs: [Pipeline.mixedTargetsFile])
    }
}
