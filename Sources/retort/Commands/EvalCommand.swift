import ArgumentParser
import Distillation
import Evaluation
import Files
import Formats
import Foundation
import Recipes

struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval", abstract: "Compare a model with another one on the same rows: numbers, statistics, gates.",
        discussion: """
            Give a run to evaluate its models on its test rows as its recipe says, or to see what it found, or a model and data, \
            perhaps with another model. A model is a directory, a run, an export, an ONNX file that retort exported, a GGUF \
            file, or a .jsonl file of recorded answers: what `retort predict` writes, or the responses of an OpenAI-compatible \
            API. Answers are joined to the rows by id; ids that only one side has, ids \
            that stand twice and other classes are refused by name; so are scores that are no probabilities (their sum is 1, but for \
            0.01), and a label beside scores or logits that is not a likeliest class.

            An ONNX file is run by our own reader with the tokenizer beside it, text by text: slowly, so that it is not timed.

            Classifiers are judged by the label column, regressions by its numbers, embeddings by the other model, decoders by \
            how likely they find the texts or, with --generate and for recorded texts, by the expected texts in the label \
            column.

            --gate takes a metric and a condition: >= or <= and a number, a model (teacher, model), number*model or \
            model ± number. Metrics: accuracy, macro_f1, matthews, ece, agreement, kl_mean; perplexity; pearson, spearman, rmse, \
            similarity; exact_match, chrf, chrf_plus_plus, bleu, rouge1, rouge2, rouge_l. A gate that fails is exit code 1, \
            with the rows that were lost.

            EXAMPLE
              retort eval runs/NAME
              retort eval runs/NAME/export --against runs/NAME/models/teacher \\
                --data datasets/prompt-injection/test.csv --gate 'accuracy >= 0.99*teacher'
              retort eval answers.jsonl --against old-answers.jsonl --data test.csv --id id --slice language --strict
            """)

    @Argument(help: "A run, the directory or ONNX file of the model to judge, or a .jsonl file of its answers.")
    var model: String

    @Option(help: "The model to compare with, or its answers.")
    var against: String?

    @Option(help: "The rows: csv, tsv or jsonl; also compressed, a pattern of files, or ARCHIVE:ENTRIES.")
    var data: String?

    @Option(help: "Column of the text; by default text.")
    var text: String?

    @Option(help: "Column of what is expected: a class, a number or a text; by default label, where it is needed.")
    var label: String?

    @Option(help: "Column that names the rows; by default id, if there is one.")
    var id: String?

    @Option(help: ArgumentHelp("Report the rows by the values of a column too; may be repeated.", valueName: "column"))
    var slice: [String] = []

    @Option(
        help: ArgumentHelp("A condition on the judged model, such as 'accuracy >= 0.99*teacher'.", valueName: "gate"))
    var gate: [String] = []

    @Flag(help: "Judge gates by the far end of the interval, not by the value.")
    var strict = false

    @Option(help: "Where to write report.html, report.json and samples.jsonl.")
    var output: String?

    @Option(help: "Queries that are timed for the latency percentiles; 0 times none. By default 200.")
    var queries: Int?

    @Option(help: "Texts per pass; by default 64.")
    var batch: Int?

    @Flag(help: "Let decoders continue the texts, and judge what they write by the label column.")
    var generate = false

    @Option(help: "The most tokens that continue a text; by default 128.")
    var maxTokens: Int?

    @Option(help: "An embedding model that says how near generated texts come to the expected ones.")
    var embedder: String?

    @Option(help: "For the random numbers of intervals; by default 0.")
    var seed: UInt64?

    @Flag(help: "Print report.json to standard output instead of the table.")
    var json = false

    func validate() throws {
        if let queries, !(0...1_000_000).contains(queries) {
            throw ValidationError("--queries must lie in 0 to 1000000")
        }
        if let batch, !(1...4096).contains(batch) { throw ValidationError("--batch must lie in 1 to 4096") }
        if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1") }
        if output?.isEmpty == true { throw ValidationError("--output needs a name") }
        if strict, gate.isEmpty { throw ValidationError("--strict needs a --gate") }
        if Set(slice).count < slice.count { throw ValidationError("--slice names a column twice") }
        let idle = data == nil ? given : []
        if !idle.isEmpty {
            throw ValidationError(
                "\(idle.joined(separator: ", ")) without --data: a run is evaluated as its recipe says")
        }
    }

    /// The options that were given and are for rows of one's own.
    private var given: [String] {
        let options: [(String, Bool)] = [
            ("--against", against != nil), ("--text", text != nil), ("--label", label != nil), ("--id", id != nil),
            ("--slice", !slice.isEmpty), ("--gate", !gate.isEmpty), ("--output", output != nil),
            ("--queries", queries != nil), ("--batch", batch != nil), ("--generate", generate),
            ("--max-tokens", maxTokens != nil), ("--embedder", embedder != nil), ("--seed", seed != nil),
            ("--json", json),
        ]
        return options.filter(\.1).map(\.0)
    }

    func run() throws {
        guard let data else {
            try RunSession(RunSession.open(model)).execute()
            return
        }
        Interruption.endAtOnce()
        let place = try output.map {
            try OutputPlace(
                directory: $0, writing: ["report.html", "report.json", "samples.jsonl"],
                reading: [model, against].compactMap { $0 } + ((try? DataAddress(data))?.files ?? []))
        }
        let comparison = try Comparison(
            model, against: against, data: data, options,
            commands: [(["retort"] + CommandLine.arguments.dropFirst().map(\.shellQuoted)).joined(separator: " ")])
        for setting in settings {
            if let reason = try comparison.idleness(of: setting) {
                throw ValidationError("--\(setting.rawValue) does nothing here: \(reason)")
            }
        }
        let progress = ProgressLine()
        let report = try comparison.report { done, total in
            progress.advanced("eval", done: done, total: total, unit: "rows")
        }
        if json {
            writeData(String(decoding: try report.json(), as: UTF8.self))
        } else {
            for line in report.lines(showing: [.macroF1, .matthews, .ece]) + report.pairedLines { printData(line) }
            for line in report.sliceLines(slice) { printData(line) }
            for gate in report.gates { printData(Self.line(gate)) }
        }
        try place?.write { directory in
            try report.write(to: directory)
            Message.line("report: \(directory.appendingPathComponent("report.html").relativePath)")
        }
        try Self.requireGates(report)
    }

    private var settings: [Comparison.Setting] {
        let settings: [(Comparison.Setting, Bool)] = [
            (.label, label != nil), (.queries, queries != nil), (.batch, batch != nil), (.generate, generate),
            (.maxTokens, maxTokens != nil), (.embedder, embedder != nil),
        ]
        return settings.filter(\.1).map(\.0)
    }

    private var options: Comparison.Options {
        var options = Comparison.Options()
        (options.id, options.slices, options.requiresLabel) = (id, slice, label != nil)
        (options.gates, options.strict, options.generates, options.embedder) = (gate, strict, generate, embedder)
        options.text = text ?? options.text
        options.label = label ?? options.label
        options.queries = queries ?? options.queries
        options.batch = batch ?? options.batch
        options.maxTokens = maxTokens ?? options.maxTokens
        options.seed = seed ?? options.seed
        return options
    }

    static func line(_ gate: GateOutcome) -> String {
        let margin = gate.margin.map {
            String(format: ", margin %+.4f (95%% interval %+.4f to %+.4f)", $0.value, $0.low, $0.high)
        }
        return "gate \(gate.gate): \(gate.passed ? "passed" : "failed") with \(String(format: "%.4f", gate.value))"
            + (margin ?? "")
    }

    /// Ends with the failed gates, after the rows that they are about.
    static func requireGates(_ report: any ComparisonReport) throws {
        let failed = report.gates.filter { !$0.passed }
        guard !failed.isEmpty else { return }
        let rows = report.failingLines
        for line in rows.prefix(20) { Message.line(line) }
        if rows.count > 20 { Message.line("and \(rows.count - 20) more rows: --json or --output lists them all") }
        throw GatesFailed(gates: failed)
    }
}
