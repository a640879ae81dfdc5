import ArgumentParser
import Recipes

/// A command that runs a recipe's stages up to one of them.
protocol StageCommand: ParsableCommand {
    static var stage: Pipeline.Stage { get }
    var options: StageOptions { get }
}

extension StageCommand {
    func run() throws {
        try options.execute(through: Self.stage)
    }

    /// - Parameter result: where in the run the stage leaves what it made.
    fileprivate static func described(_ name: String, _ abstract: String, result: String) -> CommandConfiguration {
        CommandConfiguration(
            commandName: name, abstract: abstract,
            discussion: """
                Runs the recipe's stages up to this one; finished stages of an earlier run are used as they are.
                The result is in \(result) of the run.

                EXAMPLE
                  retort \(name) recipes/quickstart.yaml
                  retort \(name) runs/quickstart-20260101T120000Z-1a2b3c
                """)
    }
}

struct TrainCommand: StageCommand {
    static let configuration = described(
        "train", "Distil the student from the recorded targets.",
        result: "models/student")
    static let stage = Pipeline.Stage.student
    @OptionGroup var options: StageOptions
}

struct AdaptCommand: StageCommand {
    static let configuration = described(
        "adapt", "Fine-tune the distilled student on other rows, held to what it has learned.",
        result: "models/adapted")
    static let stage = Pipeline.Stage.adapt
    @OptionGroup var options: StageOptions
}

struct QuantizeCommand: StageCommand {
    static let configuration = described(
        "quantize", "Train the student for INT8.",
        result: "models/int8")
    static let stage = Pipeline.Stage.quantize
    @OptionGroup var options: StageOptions
}
