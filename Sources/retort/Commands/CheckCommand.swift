import ArgumentParser
import Foundation
import Recipes

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read everything that a run would read, and say what it would do. Writes nothing.",
        discussion: """
            EXAMPLE
              retort check recipes/quickstart.yaml data.max_length=48

            Exits 2 with every problem found, each with its file and line.
            """)

    @OptionGroup var options: RecipeOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let (recipe, _) = try options.source.load()
        let plan = try RecipeSource.plan(recipe)
        if json { return try JSONLineWriter(isPretty: true).write(plan) }
        for line in plan.lines { printData(line) }
        Message.line(
            "next: retort run \(([options.recipe] + options.overrides).map(\.shellQuoted).joined(separator: " "))")
    }
}
