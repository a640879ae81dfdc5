import ArgumentParser
import Recipes

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Carry out a recipe: teacher, targets, student, pruning, INT8, export, report.",
        discussion: """
            EXAMPLE
              retort run recipes/quickstart.yaml train.epochs=2 seed=7

            Everything goes to a new directory under runs/. Ctrl-C saves a checkpoint; `retort resume` goes on from it.
            """)

    @OptionGroup var options: RecipeOptions

    func run() throws {
        let (recipe, source) = try options.load()
        // Everything is read and checked before anything is written.
        _ = try RunPlan(checking: recipe)
        try RunSession(RunDirectory.create(for: recipe, source: source)).execute()
    }
}

struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with an interrupted run, exactly where it stopped.",
        discussion: """
            EXAMPLE
              retort resume runs/quickstart-20260101T120000Z-1a2b3c

            Finished stages are not run again; a finished run prints its result.
            """)

    @Argument(help: "The directory of the run.")
    var directory: String

    func run() throws {
        try RunSession(RunDirectory.open(directory)).execute()
    }
}
