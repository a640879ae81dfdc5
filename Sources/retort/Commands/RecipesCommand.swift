import ArgumentParser
import Files
import Foundation
import Recipes

struct RecipesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipes", abstract: "List the built-in recipes, or describe every key of a recipe.",
        discussion: """
            EXAMPLE
              retort recipes
              retort recipes --reference | less
              retort recipes --schema > recipe.schema.json
            """)

    @Flag(help: "Print the JSON Schema of a recipe.")
    var schema = false

    @Flag(help: "Print every key with its type, default and meaning, as Markdown.")
    var reference = false

    func run() throws {
        if schema { return printData(RecipeSchema.jsonSchema()) }
        if reference { return printData(RecipeSchema.reference()) }
        let width = BuiltInRecipes.all.map(\.name.count).max() ?? 0
        for recipe in BuiltInRecipes.all {
            printData(recipe.name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + recipe.summary)
        }
        Message.line("next: retort new NAME [DIR] copies one out; retort recipes --reference explains every key")
    }
}

struct NewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Copy a built-in recipe out, to change it.",
        discussion: """
            EXAMPLE
              retort new quickstart .
            """)

    @Argument(help: "The name of a built-in recipe.")
    var name: String

    @Argument(help: "Where to put it.")
    var directory: String = "."

    func run() throws {
        guard let recipe = BuiltInRecipes.all.first(where: { $0.name == name }) else {
            let names = BuiltInRecipes.all.map(\.name)
            throw InputError(
                problem: "no built-in recipe is called \(name)",
                remedy: nearestName(to: name, among: names).map { "did you mean \($0)?" }
                    ?? "there are: \(names.joined(separator: ", "))")
        }
        let url = URL(fileURLWithPath: directory, isDirectory: true).appendingPathComponent(name + ".yaml")
        guard !FileManager.default.fileExists(atPath: url.path) else {
            throw InputError(
                file: url.relativePath, problem: "there is such a file already",
                remedy: "give another directory, or move the file away")
        }
        try AtomicFile.write(recipe.text, to: url)
        printData(url.relativePath)
        Message.line("next: retort check \(url.relativePath)")
    }
}
