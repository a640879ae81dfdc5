import ArgumentParser
import Distillation
import Evaluation
import Files
import Formats
import Foundation
import Recipes

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Time a model: latency, throughput, memory, load time, size and energy.",
        discussion: """
            Queries go one after another, from the text to the answer, and then in batches; warm-up is not counted. With \
            --against two models are timed in turn, query by query. Load time and peak memory are those of a process of \
            their own. Energy is that of the processor's packages (powercap), with all that runs on the machine, where it is \
            reported. An ONNX file is timed in our own reader, which is written to prove exports and slower than the runtimes \
            that serve them. Without --data the texts are made up, of 8 to 64 words.

            EXAMPLE
              retort bench runs/NAME/export --against runs/NAME/models/teacher --data datasets/prompt-injection/test.csv
              retort bench SmolLM2-135M.gguf --queries 20 --max-tokens 64 --json
            """)

    @Argument(
        help: "A model directory, an ONNX file that retort exported, a GGUF file or the directory of one, or a run.")
    var model: String

    @Option(help: "A model that is timed in turn with the first.")
    var against: String?

    @Option(help: "Texts to ask with: csv, tsv, jsonl or txt.")
    var data: String?

    @Option(help: "Column of the text; by default text.")
    var text: String?

    @Option(help: "Queries that are timed.")
    var queries = 200

    @Option(help: "Queries before, that are not timed.")
    var warmUp = 20

    @Option(help: "Texts per batch, of encoders; by default 32.")
    var batch: Int?

    @Option(help: "Batches that are timed, of encoders; by default 10.")
    var batches: Int?

    @Option(help: "The tokens that a language model answers with, at most; by default 32.")
    var maxTokens: Int?

    @Flag(help: "Print one JSON object.")
    var json = false

    /// Only loads the model, and prints what that took: how a process of its own is measured.
    @Flag(help: .hidden)
    var probe = false

    func validate() throws {
        if !(1...1_000_000).contains(queries) { throw ValidationError("--queries must lie in 1 to 1000000") }
        if !(0...1_000_000).contains(warmUp) { throw ValidationError("--warm-up must lie in 0 to 1000000") }
        if let batch, !(1...4096).contains(batch) { throw ValidationError("--batch must lie in 1 to 4096") }
        if let batches, !(1...100_000).contains(batches) {
            throw ValidationError("--batches must lie in 1 to 100000")
        }
        if let maxTokens, maxTokens < 1 { throw ValidationError("--max-tokens must be at least 1") }
        if text != nil, data == nil {
            throw ValidationError("--text does nothing without --data: the texts are made up")
        }
    }

    private struct Document: Encodable {
        var schema = 1
        var environment: [String: String]
        var queries: Int
        var results: [ModelBench.Result]
    }

    func run() throws {
        Interruption.endAtOnce()
        let texts = try texts()
        var options = ModelBench.Options()
        (options.queries, options.warmUp) = (queries, warmUp)
        options.batch = batch ?? options.batch
        options.batches = batches ?? options.batches
        options.maxTokens = maxTokens ?? options.maxTokens
        if probe {
            return try JSONLineWriter().write(ModelProbe(loading: model, text: texts[0], maxTokens: options.maxTokens))
        }
        let paths = [model] + [against].compactMap { $0 }
        // Before anything is loaded here, so that a wrong path is told at once.
        let probes = try paths.map { try probed($0, texts[0]) }
        let bench = try ModelBench(paths, texts: texts, options)
        if maxTokens != nil, !bench.generates {
            throw ValidationError("--max-tokens does nothing here: no model writes tokens")
        }
        for (name, value) in [("--batch", batch), ("--batches", batches)] where value != nil && !bench.isBatched {
            throw ValidationError("\(name) does nothing here: a language model answers one prompt at a time")
        }
        let progress = ProgressLine()
        var results = try bench.results { done, total in
            progress.advanced("bench", done: done, total: total, unit: "queries")
        }
        for index in results.indices {
            results[index].loadMs = probes[index]?.loadMs
            results[index].peakMb = probes[index]?.peakMb
        }
        if json {
            let facts = RunEnvironment.current().facts
            return try JSONLineWriter(isPretty: true).write(
                Document(
                    environment: Dictionary(facts.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }),
                    queries: queries, results: results))
        }
        for line in BenchTable(results).lines { printData(line) }
    }

    private func texts() throws -> [String] {
        if let data {
            var texts: [String] = []
            try TextRecords.forEach(in: DataAddress(data), columns: [text ?? "text"], limit: max(queries, batch ?? 32))
            {
                if !$0.fields[0].allSatisfy(\.isWhitespace) { texts.append($0.fields[0]) }
            }
            guard !texts.isEmpty else {
                throw InputError(
                    file: data, field: text ?? "text", problem: "holds no text", remedy: "name another column")
            }
            return texts
        }
        let words = "the quick brown fox reads what a small model says of every line in this long report".split(
            separator: " ")
        return (0..<64).map { row in
            (0..<8 + row * 56 / 63).map { words[(row * 7 + $0 * 5) % words.count] }.joined(separator: " ")
        }
    }

    /// The same program, asked to load a model and nothing else; nil where no process can be started.
    private func probed(_ path: String, _ text: String) throws -> ModelProbe? {
        guard let program = Bundle.main.executableURL else { return nil }
        let process = Process()
        process.executableURL = program
        process.arguments = ["bench", path, "--probe"]
        if let maxTokens { process.arguments! += ["--max-tokens", "\(maxTokens)"] }
        if let data { process.arguments! += ["--data", data, "--text", self.text ?? "text"] }
        // What it has to say of a model that cannot be loaded goes where our own messages go.
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationReason == .exit else {
            throw InputError(
                file: path, problem: "the process that loads it was ended by signal \(process.terminationStatus)",
                remedy: "look whether the machine has memory enough")
        }
        guard process.terminationStatus == 0 else { throw ExitCode(process.terminationStatus) }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try? decoder.decode(ModelProbe.self, from: answer)
    }
}
