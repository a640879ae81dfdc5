import ArgumentParser
import Distillation
import Evaluation
import Files
import Formats
import Foundation
import Models
import Recipes

struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval", abstract: "Compare a model with another one on the same rows: numbers, statistics, gates.",
        discussion: """
            Give a run to evaluate its models anew on its test rows, or a model and data, perhaps with another model.

            EXAMPLE
              retort eval runs/NAME
              retort eval runs/NAME/export --against runs/NAME/models/teacher \\
                --data datasets/prompt-injection/test.csv --gate 'accuracy >= 0.99*teacher'
            """)

    @Argument(help: "A run, or the directory of the model to judge.")
    var model: String

    @Option(help: "The model to compare with.")
    var against: String?

    @Option(help: "The rows: csv, tsv or jsonl; also compressed, a pattern of files, or ARCHIVE:ENTRIES.")
    var data: String?

    @Option(help: "Column of the text.")
    var text = "text"

    @Option(help: "Column of the label.")
    var label = "label"

    @Option(
        help: ArgumentHelp("A condition on the judged model, such as 'accuracy >= 0.99*teacher'.", valueName: "gate"))
    var gate: [String] = []

    @Option(help: "Where to write report.html, report.json and samples.jsonl.")
    var output: String?

    @Option(help: "Queries that are timed for the latency percentiles.")
    var queries = 200

    @Flag(help: "Print report.json to standard output instead of the table.")
    var json = false

    func validate() throws {
        if queries < 1 { throw ValidationError("--queries must be at least 1") }
    }

    func run() throws {
        guard let data else {
            guard against == nil, gate.isEmpty, output == nil, !json else {
                throw ValidationError("--against, --gate, --output and --json need --data")
            }
            try RunSession(RunDirectory.open(model)).execute()
            return
        }
        for path in [model] + [against].compactMap({ $0 }) {
            let folder = LoadedModel.modelFolder(of: URL(fileURLWithPath: path))
            guard !DecoderDirectory.isDecoder(DecoderDirectory.place(of: folder)) else {
                throw InputError(
                    file: path, problem: "is a language model; rows with labels judge classifiers",
                    remedy: "the report of its run has its perplexity and its divergence from the teacher")
            }
        }
        let judged = try LoadedModel(URL(fileURLWithPath: model, isDirectory: true))
        try judged.requireClassifier()
        let address = try DataAddress(data)
        let rows = try ClassificationRows(
            reading: address, text: text, label: label, classes: judged.classifier.configuration.labels)
        var models: [(key: String, name: String, model: LoadedModel)] = []
        if let against {
            let other = try LoadedModel(URL(fileURLWithPath: against, isDirectory: true))
            try other.requireClassifier()
            let (mine, theirs) = (judged.classifier.configuration.labels, other.classifier.configuration.labels)
            guard mine == theirs else {
                throw InputError(
                    file: against, problem: "its classes are \(theirs), those of \(model) \(mine)",
                    remedy: "compare models of the same classes in the same order")
            }
            models.append(("teacher", "Teacher", other))
        }
        models.append(("model", "Model", judged))
        let evaluation = ModelEvaluation(rows: rows, labels: judged.classifier.configuration.labels, queries: queries)
        let keys = models.map(\.key)
        let report = try Report(
            record: RunRecord(
                recipe: "eval", environment: RunEnvironment.current().facts.map { .init($0.name, $0.value) },
                data: [.init("Rows", "\(rows.count) of \(data)")],
                commands: [CommandLine.arguments.joined(separator: " ")],
                digests: [.init(data, try address.digest())]),
            data: evaluation.data,
            models: try models.map { try evaluation.result($0.model, key: $0.key, name: $0.name) },
            gates: try gate.map { try Self.parse($0, models: keys) }, subject: "model")
        if json {
            printData(String(decoding: try report.json(), as: UTF8.self))
        } else {
            printData(report.table())
            for pair in report.pairs {
                let difference = pair.accuracyDifference
                printData(
                    String(
                        format: "accuracy of model against teacher: %+.1f points (95%% interval %+.1f to %+.1f), "
                            + "agreement %.1f%%, mean KL %.4f, McNemar p %.3f, %d lost, %d won", difference.value * 100,
                        difference.low * 100, difference.high * 100, pair.agreement * 100, pair.klMean, pair.mcnemarP,
                        pair.flips.lost, pair.flips.won))
            }
            for gate in report.gates {
                printData(
                    "gate \(gate.gate): \(gate.passed ? "passed" : "failed") with \(String(format: "%.4f", gate.value))"
                )
            }
        }
        if let output {
            let directory = URL(fileURLWithPath: output, isDirectory: true)
            try report.write(to: directory)
            Message.line("report: \(directory.appendingPathComponent("report.html").relativePath)")
        }
        let failed = report.gates.filter { !$0.passed }
        if !failed.isEmpty { throw GatesFailed(gates: failed) }
    }

    /// `accuracy >= 0.99*teacher` as a metric and its condition.
    private static func parse(_ text: String, models: [String]) throws -> Gate {
        let parts = text.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else {
            throw InputError(
                field: "--gate", problem: "\"\(text)\" is not a metric and a condition",
                remedy: "write for instance --gate 'accuracy >= 0.93'")
        }
        return try Gate(metric: String(parts[0]), expression: String(parts[1]), models: models)
    }
}
