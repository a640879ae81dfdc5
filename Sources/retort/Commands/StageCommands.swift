import ArgumentParser
import Recipes

struct LabelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "label",
        abstract:
            "Record what the teacher says about the training rows (trains the teacher first where the recipe says so).",
        discussion: """
            Runs the recipe's stages up to this one; finished stages of an earlier run are used as they are.
            The result is in targets/train.h5 of the run.

            EXAMPLE
              retort label recipes/quickstart.yaml
              retort label runs/quickstart-20260101T120000Z-1a2b3c
            """)

    @OptionGroup var options: StageOptions

    func run() throws {
        try options.execute(through: .label)
    }
}

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Distil the student from the recorded targets.",
        discussion: """
            Runs the recipe's stages up to this one; finished stages of an earlier run are used as they are.
            The result is in models/student of the run.

            EXAMPLE
              retort train recipes/quickstart.yaml
              retort train runs/quickstart-20260101T120000Z-1a2b3c
            """)

    @OptionGroup var options: StageOptions

    func run() throws {
        try options.execute(through: .student)
    }
}

struct PruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove attention heads and neurons by their importance, and recover.",
        discussion: """
            Runs the recipe's stages up to this one; finished stages of an earlier run are used as they are.
            The result is in models/pruned of the run.

            EXAMPLE
              retort prune recipes/quickstart.yaml
              retort prune runs/quickstart-20260101T120000Z-1a2b3c
            """)

    @OptionGroup var options: StageOptions

    func run() throws {
        try options.execute(through: .prune)
    }
}

struct QuantizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize", abstract: "Train the student for INT8.",
        discussion: """
            Runs the recipe's stages up to this one; finished stages of an earlier run are used as they are.
            The result is in models/int8 of the run.

            EXAMPLE
              retort quantize recipes/quickstart.yaml
              retort quantize runs/quickstart-20260101T120000Z-1a2b3c
            """)

    @OptionGroup var options: StageOptions

    func run() throws {
        try options.execute(through: .quantize)
    }
}

struct ExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Write the finished model as ONNX and safetensors.",
        discussion: """
            Runs the recipe's stages up to this one; finished stages of an earlier run are used as they are.
            The result is in export of the run.

            EXAMPLE
              retort export recipes/quickstart.yaml
              retort export runs/quickstart-20260101T120000Z-1a2b3c
            """)

    @OptionGroup var options: StageOptions

    func run() throws {
        try options.execute(through: .export)
    }
}
