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

    func execute(through last: Pipeline.Stage) throws {
        try Self.execute(target, overrides, through: last)
    }

    /// Runs the recipe's stages up to `last`, in the named run or in a new one.
    static func execute(_ target: String, _ overrides: [String], through last: Pipeline.Stage) throws {
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: target, isDirectory: &isDirectory)
        let run: RunDirectory
        if exists, isDirectory.boolValue {
            guard overrides.isEmpty else {
                throw InputError(
                    file: target, problem: "a run keeps the recipe that it was started with",
                    remedy: "start a new run from a recipe to change \(overrides.joined(separator: " "))")
            }
            run = try RunDirectory.open(target)
        } else {
            run = try RecipeSource(name: target, overrides: overrides).createRun()
        }
        guard Pipeline.stages(of: try run.recipe()).contains(last) else {
            throw InputError(
                file: target, problem: "the recipe has no \(last.rawValue) section, so there is no such stage",
                remedy: "add the section, or run another stage")
        }
        try RunSession(run).execute(through: last)
    }
}
