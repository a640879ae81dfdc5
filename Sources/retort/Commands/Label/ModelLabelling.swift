import Distillation
import Files
import Formats
import Foundation
import Recipes
import Tensors
import Tokenizers

/// Records a model's answers to the texts of some files.
struct ModelLabelling {
    let model: URL
    let options: LabelOptions

    func run() throws {
        let progress = ProgressLine()
        let clock = ContinuousClock()
        let start = clock.now
        let loaded = try LoadedTeacher(model)
        let plan = try plan(for: loaded.teacher)
        let maxLength = try maxLength(for: loaded)
        var texts: [String] = []
        for path in options.data {
            texts += try TextRecords.read(path, columns: [options.text]).records.map {
                $0.fields[0]
            }
        }
        let rows = loaded.rows(of: texts, maxLength: maxLength)
        guard !rows.isEmpty else {
            throw InputError(file: options.data[0], problem: "the texts hold no tokens")
        }
        if options.chooseK { return try chooseK(loaded.teacher, rows, plan, progress) }

        let data = try options.data.map { try DataAddress($0).digest() }
        let recorder = SoftTargetRecorder(
            teacher: loaded.teacher, plan: plan,
            digests: [
                SoftTargetDescription.teacher: loaded.digest,
                SoftTargetDescription.tokenizer: loaded.tokenizer.digest,
                SoftTargetDescription.data: Digest.sha256(
                    (data + [options.text, "\(maxLength)"]).joined(separator: "\n")),
            ],
            notes: [
                "command": .string(CommandLine.arguments.joined(separator: " ").prefixed(bytes: 4000)),
                "program": .string("retort \(Version.current)"),
            ])
        let output = options.output!
        let summary: SoftTargetRecorder.Summary
        var (kept, all) = (0, 0)
        do {
            summary = try recorder.record(
                rows, to: URL(fileURLWithPath: output, isDirectory: true), shard: options.parsedShard()
            ) { done, total, finished in
                (kept, all) = (finished, total)
                try Interruption.check()
                progress.advanced("label", done: done, total: total, unit: "rows")
            }
        } catch let interrupted as Interrupted {
            Message.line(
                kept == 0
                    ? "\ninterrupted: no part was finished, so nothing is kept"
                    : "\ninterrupted: \(kept) of \(all) rows are in \(output); the same command goes on from there")
            throw interrupted
        }
        let outcome = Outcome(summary, seconds: start.duration(to: clock.now).seconds, output: output)
        if options.json { return try JSONLineWriter(isPretty: true).write(outcome) }
        guard summary.rows > 0 || options.shard == nil else {
            return Message.line(
                "this share has no rows: the recording has fewer parts than there are shares; "
                    + "give label merge the others alone")
        }
        for line in outcome.lines { printData(line) }
        if options.shard != nil {
            Message.line("next, when all shares are there: retort label merge FILE.h5 \(output) …")
        }
    }

    private func plan(for teacher: any RecordableTeacher) throws -> TargetPlan {
        func refuse(_ option: String, _ problem: String, _ remedy: String) -> InputError {
            InputError(file: model.path, field: option, problem: problem, remedy: remedy)
        }
        var plan = TargetPlan()
        plan.hiddenLayers = Array(Set(options.hidden)).sorted()
        plan.attentionLayers = Array(Set(options.attention)).sorted()
        for layer in plan.hiddenLayers where !(0...teacher.layers).contains(layer) {
            throw refuse("--hidden", "there is no layer \(layer)", "name layers from 0 to \(teacher.layers)")
        }
        for layer in plan.attentionLayers where !(1...teacher.layers).contains(layer) {
            throw refuse("--attention", "there is no layer \(layer)", "name layers from 1 to \(teacher.layers)")
        }
        if !plan.attentionLayers.isEmpty, teacher.heads.isEmpty {
            throw refuse("--attention", "queries, keys and values are recorded of encoders", "leave --attention out")
        }
        plan.temperatures = options.temperature
        plan.isPooled = options.pooled || teacher.predictions == nil
        plan.states = options.dtype
        plan.probabilities = options.probabilities
        plan.deflate = options.compress
        // All of a vocabulary would be 200 kB per token.
        plan.kept = options.keep ?? ((teacher.predictions?.outcomes ?? 0) > 1000 ? 64 : nil)
        return plan
    }

    private func maxLength(for loaded: LoadedTeacher) throws -> Int {
        let asked = options.maxLength ?? min(512, loaded.longest)
        guard asked <= loaded.longest else {
            throw InputError(
                file: model.path, field: "--max-length", problem: "the model takes \(loaded.longest) tokens at most",
                remedy: "give a smaller length, or leave it out")
        }
        try loaded.tokenizer.requireRoom(in: asked, file: model.path, field: "--max-length")
        return asked
    }

    private func chooseK(
        _ teacher: any RecordableTeacher, _ rows: [[Int32]], _ plan: TargetPlan, _ progress: ProgressLine
    ) throws {
        guard teacher.predictions != nil else {
            throw InputError(file: model.path, field: "--choose-k", problem: "the model makes no predictions")
        }
        let order = RandomKey(0).mixed("choose-k").permutation(rows.count)
        let table = try TailTable(of: teacher, order.prefix(options.sample).map { rows[$0] }, plan: plan) {
            done, total in
            try Interruption.check()
            progress.advanced("sample", done: done, total: total, unit: "rows")
        }
        guard !options.json else { return try JSONLineWriter(isPretty: true).write(table) }
        let temperatures = table.temperatures.map { "mean, T=\($0)" }
        printData(
            "    k  bytes/prediction    mean tail  99 % below"
                + temperatures.map { String(repeating: " ", count: max(1, 14 - $0.count)) + $0 }.joined())
        for row in table.rows {
            printData(
                String(format: "%5d  %16d  %11.6f  %10.6f", row.kept, row.bytes, row.meanTail, row.tail99)
                    + row.tailsAtTemperatures.map { String(format: "%14.6f", $0) }.joined())
        }
        Message.line(
            "tail: the teacher's probability outside of the k likeliest, over \(table.predictions) predictions")
    }
}

/// What a labelling came to.
private struct Outcome: Encodable {
    var schema = 1
    var output: String
    var rows: Int
    var rowsFound: Int
    var tokens: Int
    var bytes: Int
    var bytesPerToken: Double
    var meanTail: Double?
    var files: Int
    var seconds: Double

    init(_ summary: SoftTargetRecorder.Summary, seconds: Double, output: String) {
        self.output = output
        rows = summary.rows
        rowsFound = summary.rowsFound
        tokens = summary.positions
        bytes = summary.bytes
        bytesPerToken = Double(summary.bytes) / Double(max(1, summary.positions))
        meanTail = summary.meanTail
        files = summary.files.count
        self.seconds = seconds
    }

    var lines: [String] {
        [
            "\(rows) distinct rows, \(tokens) tokens in \(files) \(files == 1 ? "file" : "files") of \(output)"
                + (rowsFound > 0 ? "; \(rowsFound) rows were there" : ""),
            (bytes < 1_000_000 ? "\(bytes / 1000 + 1) kB" : String(format: "%.1f MB", Double(bytes) / 1e6))
                + String(format: ", %.1f bytes per token", bytesPerToken)
                + (meanTail.map {
                    String(format: "; %.4f %% of the probability lies outside of what was kept", $0 * 100)
                }
                    ?? ""),
        ]
    }
}

extension String {
    /// The beginning of a text that is at most so many bytes long.
    func prefixed(bytes: Int) -> String {
        String(decoding: utf8.prefix(bytes), as: UTF8.self)
    }
}
