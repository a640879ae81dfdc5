import Distillation
import Files
import Formats
import Foundation
import Recipes
import Tokenizers

/// Makes a soft-target file of a served teacher's answers.
struct AnswerLabelling {
    let options: LabelAnswersCommand

    func run() throws {
        let progress = ProgressLine()
        let clock = ContinuousClock()
        let start = clock.now
        if !options.tokens { _ = try spellings() }
        _ = try OutputPlace(
            file: options.output, option: "--output",
            reading: options.answers + options.data.flatMap { (try? DataAddress($0))?.files ?? [] }
                + [options.classes].compactMap { $0 } + files(of: options.tokenizer),
            mayReplace: options.force)
        let tokenizer = try loadTokenizer(options.tokenizer)
        try tokenizer.requireRoom(in: options.maxLength, file: options.tokenizer, field: "--max-length")
        let rows = try rows()
        let files = try options.answers.map { try AnswerFile(reading: url($0)) }
        var issues = AnswerIssues()
        let join = try AnswerJoin(files, rows: rows, issues: &issues) { done, total in
            try Interruption.check()
            progress.measured(
                "read", done: Double(done) / 1e6, total: Double(total) / 1e6, unit: "MB",
                seconds: start.duration(to: clock.now).seconds)
        }
        var report = AnswerReport(join, dataRows: rows.count, output: options.output)
        let (digests, notes) = (try digests(tokenizer), notes(join))
        if options.tokens {
            let outcomes = options.outcomes ?? tokenizer.vocabularySize
            guard outcomes >= max(2, tokenizer.vocabularySize), outcomes <= Int(Int32.max) else {
                throw InputError(
                    file: options.tokenizer, field: "--outcomes",
                    problem: "\(outcomes) outcomes, and the tokenizer has \(tokenizer.vocabularySize) ids",
                    remedy: "give the student's vocab_size, or leave it out")
            }
            let targets = try TokenAnswers(
                join, rows, tokenizer: tokenizer, maxLength: options.maxLength, kept: options.keep, outcomes: outcomes,
                issues: &issues, progress: showing(progress, "align"))
            try require(targets.sequences.count, issues)
            try targets.write(
                to: url(options.output), digests: digests, notes: notes, progress: showing(progress, "write"))
            report.add(targets)
        } else {
            let spellings = try spellings()
            let targets = try ClassAnswers(
                join, rows, spellings: spellings, tokenizer: tokenizer, maxLength: options.maxLength,
                minimumMapped: options.minMapped, issues: &issues, progress: showing(progress, "map"))
            try require(targets.sequences.count, issues)
            try targets.write(to: url(options.output), digests: digests, notes: notes)
            report.add(targets, spellings)
        }
        try report.finish(issues, at: url(options.output), seconds: start.duration(to: clock.now).seconds)
        for error in issues.losses + issues.others { Message.line("\(error)") }
        if options.json { return try JSONLineWriter(isPretty: true).write(report) }
        for line in report.lines { printData(line) }
    }

    private func showing(_ progress: ProgressLine, _ stage: String) -> (Int, Int) throws -> Void {
        { done, total in
            try Interruption.check()
            progress.advanced(stage, done: done, total: total, unit: "rows")
        }
    }

    /// Refuses to write where rows are lost and may not be, or all are.
    private func require(_ count: Int, _ issues: AnswerIssues) throws {
        if options.onBadRow == .error {
            try issues.throwLosses(
                file: options.answers[0], remedy: "mend what is listed, or leave such rows out (--on-bad-row skip)")
        }
        guard count > 0 else {
            throw InputErrors(
                issues.losses + [InputError(file: options.answers[0], problem: "no row has a usable answer")])
        }
    }

    /// A file, or those of a directory.
    private func files(of path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).map { "\(path)/\($0)" } + [path]
    }

    private func url(_ path: String) -> URL { URL(fileURLWithPath: path) }

    private func spellings() throws -> ClassSpellings {
        if let file = options.classes { return try ClassSpellings(ClassTable.read(url(file)), file: file) }
        return try ClassSpellings(options.classOptions.map { ($0.name, $0.spellings) }, file: "--class")
    }

    /// The texts of all data files, with their ids where there is such a column.
    private func rows() throws -> AnswerRows {
        var (texts, ids, places): ([String], [String], [(file: String, line: Int)]) = ([], [], [])
        var hasIDs = true
        for file in options.data {
            let table: TextTable
            if let named = try read(file, [options.text, options.id ?? "id"]) {
                table = named
            } else {
                hasIDs = false
                table = try TextRecords.read(file, columns: [options.text])
            }
            texts += table.records.map { $0.fields[0] }
            if hasIDs { ids += table.records.map { $0.fields[1] } }
            places += table.records.map { (file, $0.line) }
        }
        return AnswerRows(texts: texts, ids: hasIDs ? ids : nil, places: places)
    }

    /// The columns of a file; nil where the id column was not asked for by name and is not there.
    private func read(_ file: String, _ columns: [String]) throws -> TextTable? {
        do {
            return try TextRecords.read(file, columns: columns)
        } catch let errors as InputErrors where options.id == nil && errors.errors.contains(where: { $0.field == "id" })
        {
            return nil
        }
    }

    private func digests(_ tokenizer: any Tokenizer) throws -> [String: String] {
        func digest(_ files: [String], _ settings: [String]) throws -> String {
            Digest.sha256(try (files.map { try Digest.sha256(fileAt: url($0)) } + settings).joined(separator: "\n"))
        }
        return [
            SoftTargetDescription.teacher: try digest(options.answers, []),
            SoftTargetDescription.tokenizer: tokenizer.digest,
            SoftTargetDescription.data: try digest(options.data, [options.text, "\(options.maxLength)"]),
        ]
    }

    private func notes(_ join: AnswerJoin) -> [String: HDF5Attribute] {
        [
            "command": .string(CommandLine.arguments.joined(separator: " ").prefixed(bytes: 4000)),
            "program": .string("retort \(Version.current)"),
            "source": .string("API answers"),
            "teacher": .string(join.models.joined(separator: ", ").prefixed(bytes: 1000)),
        ]
    }
}
