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

    /// The recipe with its overrides, and the text that it was made from.
    func load() throws -> (recipe: Recipe, source: String) {
        if let builtIn = BuiltInRecipes.all.first(where: { $0.name == recipe }) {
            return (try Recipe.parse(builtIn.text, file: recipe, overrides: overrides), builtIn.text)
        }
        let url = URL(fileURLWithPath: recipe)
        let loaded = try Recipe.load(url, overrides: overrides)
        return (loaded, try String(contentsOf: url, encoding: .utf8))
    }
}

/// Where a stage command works: in a new run of a recipe, or in an earlier run.
struct StageOptions: ParsableArguments {
    @Argument(help: "A recipe file, the name of a built-in recipe, or the directory of an earlier run.")
    var target: String

    @Argument(help: ArgumentHelp("Changes to the recipe, such as train.epochs=2.", valueName: "key=value"))
    var overrides: [String] = []

    /// Runs the recipe's stages up to `last`, in the named run or in a new one.
    func execute(through last: Pipeline.Stage) throws {
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
            let options = RecipeOptions(recipe: target, overrides: overrides)
            let (recipe, source) = try options.load()
            // Everything is read and checked before anything is written.
            _ = try RunPlan(checking: recipe)
            run = try RunDirectory.create(for: recipe, source: source)
        }
        guard Pipeline.stages(of: try run.recipe()).contains(last) else {
            throw InputError(
                file: target, problem: "the recipe has no \(last.rawValue) section, so there is no such stage",
                remedy: "add the section, or run another stage")
        }
        try RunSession(run).execute(through: last)
    }
}

extension RecipeOptions {
    init(recipe: String, overrides: [String]) {
        self.init()
        self.recipe = recipe
        self.overrides = overrides
    }
}
