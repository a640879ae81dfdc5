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

    @OptionGroup var explanation: ExplainOption

    @Option(help: "Run the recipe this many times, with its seed and the next ones, and print means and deviations.")
    var seeds = 1

    func validate() throws {
        if !(1...100).contains(seeds) { throw ValidationError("--seeds must lie in 1 to 100") }
    }

    func run() throws {
        let source = options.source
        if explanation.explain {
            return ExplainOption.show(Pipeline.explainNewRun(of: try source.load().recipe))
        }
        guard seeds > 1 else {
            try RunSession(source.createRun()).execute()
            return
        }
        var study = SeedStudy()
        let first = try source.load().recipe.seed
        for seed in first..<first + UInt64(seeds) {
            var seeded = source
            seeded.overrides.append("seed=\(seed)")
            if let report = try RunSession(seeded.createRun()).execute(checkingGates: false) {
                study.add(report, seed: seed)
            }
        }
        for line in study.table { printData(line) }
    }
}

struct ResumeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on with an interrupted run, exactly where it stopped.",
        discussion: """
            EXAMPLE
              retort resume runs/quickstart-20260101T120000Z-1a2b3c

            Finished stages whose inputs are the same are not run again; a finished run prints its result.
            """)

    @Argument(help: "The directory of the run.")
    var directory: String

    @OptionGroup var explanation: ExplainOption

    func run() throws {
        if explanation.explain { return ExplainOption.show(try Pipeline.explain(RunSession.open(directory))) }
        try RunSession(RunSession.open(directory)).execute()
    }
}
