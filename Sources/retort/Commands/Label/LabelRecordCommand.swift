import ArgumentParser
import Distillation
import Files
import Foundation
import Recipes

struct LabelRecordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Run a recipe up to its label stage, or a model over the texts of some files (the default).",
        discussion: """
            With a recipe or a run: runs the stages up to this one; the result is in targets/train of the run.

            With a model: writes soft targets into the directory --output, in parts that each appear whole. The same command again \
            goes on from the parts that are there, after Ctrl-C as after kill -9; --shard lets several machines share the work. The \
            files are HDF5; CONTRIBUTING.md has their layout. Classifiers record each text's classes, language models the likeliest \
            tokens at each position (--keep), sentence embedders their vectors.

            EXAMPLE
              retort label recipes/quickstart.yaml
              retort label MODEL --data train.csv --text review --output targets/train --hidden 2 --hidden 4
              retort label SmolLM2-135M.gguf --data corpus.txt --choose-k
              retort label SmolLM2-135M.gguf --data corpus.txt --output targets --keep 64 --temperature 2 --shard 1/4
              retort label merge targets.h5 targets
            """)

    @Argument(help: "A recipe file, a built-in recipe or a run; or a model directory or GGUF file, with --data.")
    var target: String

    @Argument(help: ArgumentHelp("Changes to the recipe, such as train.epochs=2.", valueName: "key=value"))
    var overrides: [String] = []

    @OptionGroup var explanation: ExplainOption

    @OptionGroup(title: "With a model") var options: LabelOptions

    func validate() throws {
        try options.validate()
        if explanation.explain, !options.data.isEmpty {
            throw ValidationError("--explain is for recipes and runs, whose stages it explains")
        }
        guard options.data.isEmpty, options.isUsed else { return }
        throw ValidationError("--data FILE is missing: the options belong to the labelling of a model")
    }

    func run() throws {
        guard !options.data.isEmpty else {
            return try StageOptions.execute(target, overrides, through: .label, explaining: explanation.explain)
        }
        guard overrides.isEmpty else {
            throw ValidationError("\(overrides[0]): key=value changes a recipe, not a model")
        }
        Interruption.listen()
        try ModelLabelling(model: URL(fileURLWithPath: target), options: options).run()
    }
}

struct LabelMergeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "merge",
        abstract: "Join the parts of a recording in one file.",
        discussion: """
            All parts must be there, each once, and of one recording: the same teacher, tokenizer, data and choice of targets.

            EXAMPLE
              retort label merge targets.h5 targets/
              retort label merge targets.h5 machine-1/ machine-2/
            """)

    @Argument(help: "The file to write.")
    var output: String

    @Argument(help: ArgumentHelp("Directories of parts, or the parts.", valueName: "parts"))
    var parts: [String]

    @Flag(help: "Replace the output if it is there.")
    var force = false

    func run() throws {
        Interruption.listen()
        let progress = ProgressLine()
        let clock = ContinuousClock()
        let start = clock.now
        let places = parts.map { URL(fileURLWithPath: $0) }
        _ = try OutputPlace(
            file: output, option: "output", reading: places.flatMap { try SoftTargets.files(of: $0).map(\.path) },
            mayReplace: force)
        let targets = try SoftTargets(parts: places)
        try targets.merge(into: URL(fileURLWithPath: output)) { done, total in
            try Interruption.check()
            progress.advanced("merge", done: done, total: total, unit: "rows")
        }
        progress.finished("\(targets.rows) rows in \(output)", seconds: start.duration(to: clock.now).seconds)
    }
}
