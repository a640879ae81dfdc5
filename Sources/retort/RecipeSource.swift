import Foundation
import Recipes

/// A recipe as a person names it: a file or a built-in recipe, with changes.
struct RecipeSource {
    var name: String
    /// `key.path=value`, applied in their order.
    var overrides: [String]

    /// The recipe, and the text that it was made from.
    func load() throws -> (recipe: Recipe, text: String) {
        if let builtIn = BuiltInRecipes.all.first(where: { $0.name == name }) {
            return (try Recipe.parse(builtIn.text, file: name, overrides: overrides), builtIn.text)
        }
        let url = URL(fileURLWithPath: name)
        let recipe = try Recipe.load(url, overrides: overrides)
        return (recipe, try String(contentsOf: url, encoding: .utf8))
    }

    /// Reads and checks everything that the run will read; says so where that takes long.
    static func plan(_ recipe: Recipe) throws -> any RunPlan {
        let note = DispatchWorkItem { Message.line("reading the data and the models that the recipe names …") }
        DispatchQueue.global().asyncAfter(deadline: .now() + 2, execute: note)
        defer { note.cancel() }
        return try recipe.plan()
    }

    /// Reads and checks everything that the run will read, and only then makes its directory.
    func createRun() throws -> RunDirectory {
        let (recipe, text) = try load()
        _ = try Self.plan(recipe)
        return try RunDirectory.create(for: recipe, source: text)
    }
}
