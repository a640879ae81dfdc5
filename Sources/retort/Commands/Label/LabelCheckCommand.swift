import ArgumentParser
import Distillation
import Files
import Foundation
import Recipes
import Tokenizers

struct LabelCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Read everything in a recording, say what is in it, or what is wrong and where.",
        discussion: """
            NaN, infinities, probabilities that do not sum to 1, ids beyond the vocabulary, hashes that are not their rows', missing \
            parts, another tokenizer: the first problem ends the check with exit code 2.

            EXAMPLE
              retort label check targets.h5
              retort label check runs/NAME/targets/train --tokenizer runs/NAME/export
            """)

    @Argument(help: "A soft-target file, or a directory of its parts.")
    var recording: String

    @Option(help: ArgumentHelp("The student's tokenizer: a directory, or a GGUF file.", valueName: "dir"))
    var tokenizer: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        Interruption.listen()
        let progress = ProgressLine()
        let targets = try SoftTargets(reading: URL(fileURLWithPath: recording))
        if let tokenizer { try targets.requireFit(try loadTokenizer(tokenizer)) }
        try targets.requireHashes()
        try targets.validate { done, total in
            try Interruption.check()
            progress.advanced("check", done: done, total: total, unit: "rows")
        }
        let contents = try Contents(targets)
        if json { return try JSONLineWriter(isPretty: true).write(contents) }
        for line in contents.lines { printData(line) }
    }
}

/// A tokenizer's directory, a run's finished model, or a GGUF file.
func loadTokenizer(_ path: String) throws -> any Tokenizer {
    let url = URL(fileURLWithPath: path)
    return try DecoderDirectory.isDecoder(url)
        ? DecoderDirectory.readTokenizer(url) : TokenizerFiles.load(from: LoadedModel.modelFolder(of: url))
}

/// What is in a recording.
private struct Contents: Encodable {
    struct Predictions: Encodable {
        var scope: String
        var outcomes: Int
        var kept: Int
        var temperatures: [Double]
        var tail: String?
    }

    struct States: Encodable {
        var dataset: String
        var width: Int
    }

    var schema = 1
    var rows: Int
    var tokens: Int
    var predictions: Predictions?
    var classes: [String]?
    var states: [States]
    var meanUnmapped: Double?
    var digests: [String: String]

    init(_ targets: SoftTargets) throws {
        let description = targets.description
        rows = targets.rows
        tokens = targets.positions
        predictions = description.predictions.map {
            Predictions(
                scope: $0.scope.rawValue, outcomes: $0.outcomes, kept: $0.kept, temperatures: description.temperatures,
                tail: $0.areComplete
                    ? nil : description.hasUniformTail || description.temperatures.isEmpty ? "uniform" : "exact")
        }
        classes = description.classes
        states = targets.recordedStates.map { States(dataset: $0.path, width: $0.width) }
        digests = description.digests
        meanUnmapped = try targets.unmappedMasses().map { masses in
            masses.reduce(0) { $0 + Double($1) } / Double(max(1, masses.count))
        }
    }

    var lines: [String] {
        var lines = ["\(rows) rows, \(tokens) tokens"]
        if let predictions {
            let kept =
                predictions.kept == predictions.outcomes
                ? "all \(predictions.outcomes) outcomes" : "\(predictions.kept) of \(predictions.outcomes) outcomes"
            let exact = ([1] + predictions.temperatures).map { "\($0)" }.joined(separator: ", ")
            lines.append(
                "predictions per \(predictions.scope): \(kept)"
                    + (predictions.tail.map { $0 == "exact" ? ", exact at T = \(exact)" : ", uniform tail" }
                        ?? ", exact at every T"))
        }
        if let classes { lines.append("classes: \(classes.joined(separator: ", "))") }
        lines += states.map { "\($0.dataset): width \($0.width)" }
        if let meanUnmapped {
            lines.append(String(format: "probability of no class: mean %.2f %%", meanUnmapped * 100))
        }
        lines += digests.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
        return lines + ["ok"]
    }
}
