import ArgumentParser
import Distillation
import Evaluation
import Files
import Formats
import Foundation
import Recipes

struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Check a migration: what changes when NEW answers in place of OLD, prompt by prompt.",
        discussion: """
            OLD and NEW are models (language models continue the prompts, classifiers and ONNX files that retort exported answer \
            with their class) or .jsonl files \
            of recorded answers: what `retort predict` writes, or the responses of an OpenAI-compatible API, joined by id.

            The data has the columns prompt and, as far as there are, id, owner, priority, expected_output and \
            similarity_threshold. An answer is good enough if it is a document of the --json-schema, where one is given, and \
            equals what is expected or comes as near to it as the threshold: in meaning with --embedder, else by --metric. \
            Where nothing is expected the old answer is what the new one is held to. Verdicts: same, equivalent, improved, \
            regressed, failing.

            Gates: METRIC >= or <= a number, old or number*old, and PRIORITY: before it for the rows of one priority. Metrics: \
            pass_rate, regressions, same_rate, json_rate, similarity, score, tokens, cost, latency_p50, latency_p90, \
            latency_p99. A gate that fails is exit code 1, with the rows that regressed. --strict asks the far end of the 95 % \
            interval: against old that of the difference, row by row; of shares against a number Wilson's; of scores, tokens, \
            costs and latencies the bootstrap's. regressions, a count of these very rows, is judged by its value. A gate that \
            cannot fail is refused.

            EXAMPLE
              retort compare old.jsonl new.jsonl --data prompts.csv --embedder all-MiniLM-L6-v2 \\
                --gate 'pass_rate >= old' --gate 'high: regressions <= 0' --gate 'cost <= 0.8*old' --prices prices.csv
              retort compare SmolLM2-135M.gguf runs/NAME --data prompts.jsonl --output report
            """)

    @Argument(help: "The version that answers now: a model, or a .jsonl file of its answers.")
    var old: String

    @Argument(help: "The version that shall replace it.")
    var new: String

    @Option(help: "The prompts: csv, tsv or jsonl; also compressed, a pattern of files, or ARCHIVE:ENTRIES.")
    var data: String

    @Option(help: "Column of the prompt.")
    var prompt = "prompt"

    @Option(help: "Column of what is expected; by default expected_output, if there is one. Rows may lack it.")
    var expected: String?

    @Option(help: "Column that names the rows; by default id, if there is one.")
    var id: String?

    @Option(
        help:
            "How near an answer must come where the row has no similarity_threshold: above 0, up to 1; from -1 with --embedder."
    )
    var threshold = 0.8

    @Option(help: "What answers are scored by: exact_match, chrf or rouge_l, from 0 to 1.")
    var metric = "chrf"

    @Option(help: ArgumentHelp("A sentence-embedding model that compares meanings.", valueName: "dir"))
    var embedder: String?

    @Option(help: ArgumentHelp("A JSON Schema that every answer must be a document of.", valueName: "file"))
    var jsonSchema: String?

    @Option(help: ArgumentHelp("version,input,output: what a million tokens of old and new cost.", valueName: "csv"))
    var prices: String?

    @Option(help: ArgumentHelp("A condition; may be repeated.", valueName: "gate"))
    var gate: [String] = []

    @Flag(help: "Judge gates by the far end of the interval, not by the value.")
    var strict = false

    @Option(help: "The most tokens that a language model answers with; by default 128.")
    var maxTokens: Int?

    @Option(help: "Where to write compare.html, compare.json and verdicts.jsonl.")
    var output: String?

    @Option(help: "For the random numbers of intervals.")
    var seed: UInt64 = 0

    @Flag(help: "Print compare.json to standard output instead of the table.")
    var json = false

    func validate() throws {
        if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1") }
        guard MigrationCheck.isThreshold(threshold, hasMeanings: embedder != nil) else {
            throw ValidationError(
                embedder == nil
                    ? "--threshold must be above 0 and at most 1: scores begin at 0, which every answer reaches"
                    : "--threshold must lie in -1 to 1")
        }
        guard MigrationCheck.Metric(rawValue: metric) != nil else {
            throw ValidationError("--metric must be exact_match, chrf or rouge_l")
        }
        if output?.isEmpty == true { throw ValidationError("--output needs a name") }
        if strict, gate.isEmpty { throw ValidationError("--strict needs a --gate") }
    }

    func run() throws {
        Interruption.endAtOnce()
        let place = try output.map {
            try OutputPlace(
                directory: $0, writing: ["compare.html", "compare.json", "verdicts.jsonl"],
                reading: [old, new] + [jsonSchema, prices].compactMap { $0 } + ((try? DataAddress(data))?.files ?? []))
        }
        var options = MigrationCheck.Options()
        (options.prompt, options.id, options.requiresExpected) = (prompt, id, expected != nil)
        options.expected = expected ?? options.expected
        (options.threshold, options.embedder) = (threshold, embedder)
        options.metric = MigrationCheck.Metric(rawValue: metric) ?? .chrf
        (options.schema, options.prices, options.gates, options.strict) = (jsonSchema, prices, gate, strict)
        (options.maxTokens, options.seed) = (maxTokens ?? options.maxTokens, seed)
        let check = try MigrationCheck(old, new, data: data, options)
        if maxTokens != nil, !check.generates {
            throw ValidationError("--max-tokens does nothing here: no language model answers now")
        }
        let progress = ProgressLine()
        let command = (["retort"] + CommandLine.arguments.dropFirst().map(\.shellQuoted)).joined(separator: " ")
        let migration = try check.migration(commands: [command]) { done, total in
            progress.advanced("compare", done: done, total: total, unit: "answers")
        }
        let shown = json ? 0 : 10
        if json {
            writeData(String(decoding: try migration.json(), as: UTF8.self))
        } else {
            for line in migration.lines { printData(line) }
            for row in migration.risky.prefix(shown) { printData("  " + Migration.described(row)) }
            for gate in migration.gates { printData(EvalCommand.line(gate)) }
        }
        try place?.write { directory in
            try migration.write(to: directory)
            Message.line("report: \(directory.appendingPathComponent("compare.html").relativePath)")
        }
        let failed = migration.gates.filter { !$0.passed }
        guard !failed.isEmpty else { return }
        let regressed = migration.risky.dropFirst(shown).filter { $0.verdict == .regressed }
        for row in regressed.prefix(20) { Message.line(Migration.described(row)) }
        if regressed.count > 20 {
            Message.line("and \(regressed.count - 20) more rows: --json or --output lists them all")
        }
        throw GatesFailed(gates: failed)
    }
}
