import ArgumentParser
import Files
import Foundation
import Recipes

/// The recipe and its overrides, as several commands take them.
struct RecipeOptions: ParsableArguments {
    @Argument(help: "A recipe file, or the name of a built-in recipe.")
    var recipe: String

    @Argument(help: ArgumentHelp("Changes to the recipe, such as train.epochs=2.", valueName: "key=value"))
    var overrides: [String] = []

    var source: RecipeSource { RecipeSource(name: recipe, overrides: overrides) }
}

/// Where a stage command works: in a new run of a recipe, or in an earlier run.
struct StageOptions: ParsableArguments {
    @Argument(help: "A recipe file, the name of a built-in recipe, or the directory of an earlier run.")
    var target: String

    @Argument(help: ArgumentHelp("Changes to the recipe, such as train.epochs=2.", valueName: "key=value"))
    var overrides: [String] = []

    @OptionGroup var explanation: ExplainOption

    func execute(through last: Pipeline.Stage) throws {
        try Self.execute(target, overrides, through: last, explaining: explanation.explain)
    }

    /// Runs the recipe's stages up to `last`, in the named run or in a new one; or only says what it would do.
    static func execute(
        _ target: String, _ overrides: [String], through last: Pipeline.Stage, explaining: Bool = false
    ) throws {
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: target, isDirectory: &isDirectory)
        func requireStage(_ recipe: Recipe) throws {
            guard Pipeline.stages(of: recipe).contains(last) else {
                throw InputError(
                    file: target, problem: "the recipe has no \(last.rawValue) section, so there is no such stage",
                    remedy: "add the section, or run another stage")
            }
        }
        let run: RunDirectory
        if exists, isDirectory.boolValue {
            guard overrides.isEmpty else {
                throw InputError(
                    file: target, problem: "a run keeps the recipe that it was started with",
                    remedy: "start a new run from a recipe to change \(overrides.joined(separator: " "))")
            }
            run = try RunSession.open(target)
            try requireStage(run.recipe())
            if explaining { return ExplainOption.show(try Pipeline.explain(run, through: last)) }
        } else {
            let source = RecipeSource(name: target, overrides: overrides)
            try requireStage(source.load().recipe)
            if explaining {
                return ExplainOption.show(Pipeline.explainNewRun(of: try source.load().recipe, through: last))
            }
            run = try source.createRun()
        }
        try RunSession(run).execute(through: last)
    }
}
