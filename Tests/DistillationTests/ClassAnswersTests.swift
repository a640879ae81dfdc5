import Distillation
import Files
import Formats
import Foundation
import Tensors
import Testing
import Tokenizers

/// Made-up answers, see Tests/Answers/README.md.
@Suite("Answers mapped to classes")
struct ClassAnswersTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Answers")
    private let tokenizer: WordPieceTokenizer
    private let spellings: ClassSpellings

    init() throws {
        tokenizer = try WordPieceTokenizer(vocabulary: SpecialTokens.names + ["a", "good", "bad", "film"])
        spellings = try ClassSpellings([
            ("positive", ["positive", "Positive"]), ("negative", ["negative", "Negative", " negative"]),
        ])
    }

    private func rows(ids: Bool = true) throws -> AnswerRows {
        let url = Self.folder.appendingPathComponent("rows.csv")
        let table = try TextRecords.read(url.path, columns: ["text", "id"])
        return AnswerRows(
            texts: table.records.map { $0.fields[0] }, ids: ids ? table.records.map { $0.fields[1] } : nil,
            places: table.records.map { ("rows.csv", $0.line) })
    }

    /// What files of answers come to.
    private struct Mapped {
        let join: AnswerJoin
        let answers: ClassAnswers
        let issues: AnswerIssues
        let targets: SoftTargets?
    }

    private func map(
        _ files: [URL], _ rows: AnswerRows, minimumMapped: Double = 0.5, spellings: ClassSpellings? = nil
    ) throws -> Mapped {
        var issues = AnswerIssues()
        let join = try AnswerJoin(files.map(AnswerFile.init), rows: rows, issues: &issues) { _, _ in }
        let answers = try ClassAnswers(
            join, rows, spellings: spellings ?? self.spellings, tokenizer: tokenizer, maxLength: 16,
            minimumMapped: minimumMapped, issues: &issues
        ) { _, _ in }
        guard !answers.sequences.isEmpty else {
            return Mapped(join: join, answers: answers, issues: issues, targets: nil)
        }
        let targets = try withDirectory { directory in
            let url = directory.appendingPathComponent("targets.h5")
            try answers.write(to: url, digests: [:], notes: [:])
            let targets = try SoftTargets(reading: url, outcomes: 2)
            try targets.validate()
            return targets
        }
        return Mapped(join: join, answers: answers, issues: issues, targets: targets)
    }

    private func map(
        lines: [String], _ rows: AnswerRows, minimumMapped: Double = 0.5, spellings: ClassSpellings? = nil
    ) throws -> Mapped {
        try withDirectory { directory in
            let url = directory.appendingPathComponent("lines.jsonl")
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: url)
            return try map([url], rows, minimumMapped: minimumMapped, spellings: spellings)
        }
    }

    private func map(_ name: String, ids: Bool = true, minimumMapped: Double = 0.5) throws -> Mapped {
        try map([Self.folder.appendingPathComponent(name)], rows(ids: ids), minimumMapped: minimumMapped)
    }

    private func isClose(_ found: [Float], _ expected: [Double]) -> Bool {
        found.count == expected.count && zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-6 }
    }

    @Test(
        "sum the mass of each class at the first token, scale it to 1 and keep the rest beside it",
        arguments: ["chat.jsonl", "completions.jsonl"])
    func masses(_ name: String) throws {
        let mapped = try map(name)
        let targets = try #require(mapped.targets)
        #expect(mapped.join.rule == .order && mapped.issues.counts.isEmpty && mapped.join.models == ["made-up-1"])
        // negative, positive: what the file gives them, over what both get together.
        let masses = [[0.1, 0.7], [0.8, 0.1], [0.4, 0.4], [0.9, 0.05], [0.3, 0.7], [0.5, 0.25]]
        let found = try targets.logProbabilities(for: mapped.answers.sequences).values.map { exp($0) }
        #expect(isClose(found, masses.flatMap { row in row.map { $0 / (row[0] + row[1]) } }))
        #expect(targets.description.classes == ["negative", "positive"])
        #expect(isClose(try #require(try targets.unmappedMasses()), [0.2, 0.1, 0.2, 0.05, 0, 0.25]))
        #expect(
            abs(mapped.answers.unmappedMass.mean - 0.8 / 6) < 1e-6 && abs(mapped.answers.unmappedMass.p95 - 0.25) < 1e-6
        )
        // Not listed: 0.15, 0.1, 0, 0.05, 0 and 0.125.
        #expect(abs(mapped.answers.meanBeyond - 0.425 / 6) < 1e-6)
        #expect(mapped.answers.commonestUnmapped(2).map(\.token) == ["neutral", "\n"])
    }

    @Test("refuse rows of which too little is mapped, and say what stood there")
    func unmapped() throws {
        let mapped = try map("chat.jsonl", minimumMapped: 0.79)
        #expect(mapped.issues.counts == [.unmapped: 1] && mapped.answers.matched == 5)
        let error = mapped.issues.losses[0]
        #expect(error.line == 6 && error.problem.contains("75.0 %") && error.file?.hasSuffix("chat.jsonl") == true)
    }

    @Test("are joined by custom_id; failures, refusals, strangers and missing rows are counted with their places")
    func batch() throws {
        let mapped = try map("batch.jsonl")
        #expect(mapped.join.rule == .idColumn)
        #expect(
            mapped.issues.counts == [
                .failed: 2, .refused: 1, .withoutLogProbabilities: 1, .unknownID: 1, .missing: 1, .repeated: 1,
            ])
        #expect(mapped.issues.losses.first { $0.problem.contains("429") }?.line == 3)
        #expect(mapped.issues.losses.first { $0.file == "rows.csv" }?.line == 7)
        // The last of the two answers to r1 counts.
        let found = try #require(mapped.targets).logProbabilities(for: mapped.answers.sequences).values.map { exp($0) }
        #expect(isClose(found, [0.125, 0.875, 0.8 / 0.9, 0.1 / 0.9]))
        #expect(throws: InputErrors.self) { try mapped.issues.throwLosses(file: "f", remedy: "r") }
    }

    @Test("of a repeated request make its failure good, whichever comes first")
    func repeated() throws {
        let lines = try String(contentsOf: Self.folder.appendingPathComponent("batch.jsonl"), encoding: .utf8)
            .split(separator: "\n").map(String.init)
        let failed = lines[2].replacing(#""r3""#, with: #""r2""#)
        for order in [[failed, lines[0]], [lines[0], failed]] {
            let mapped = try map(lines: order, rows())
            #expect(mapped.answers.matched == 1 && mapped.issues.counts == [.missing: 5])
        }
    }

    @Test("to data without ids are joined as row-N, counted from 1; row-0 is refused")
    func rowNumbers() throws {
        let line = #"{"custom_id":"row-2","choices":[{"logprobs":{"tokens":["positive"],"token_logprobs":[-0.1]}}]}"#
        let mapped = try map(lines: [line], rows(ids: false))
        #expect(
            mapped.join.rule == .rowNumber
                && mapped.answers.sequences == tokenizer.encode(["a bad film"], maxLength: 16))
        let error = try #require(throws: InputError.self) {
            try map(lines: [line.replacing("row-2", with: "row-0")], rows(ids: false))
        }
        #expect(error.problem.contains("counted from 1") && error.line == 1)
    }

    @Test("without any custom_id must be as many as the rows, and ids must be different")
    func order() throws {
        let line = #"{"choices":[{"logprobs":{"tokens":["positive"],"token_logprobs":[-0.1]}}]}"#
        let error = try #require(throws: InputError.self) { try map(lines: [line, line], rows()) }
        #expect(error.problem.contains("2 answers") && error.problem.contains("6 rows"))
        // A line that is no answer keeps its place.
        let broken = [line, "{", line, line, line, line]
        let mapped = try map(lines: broken, rows())
        #expect(mapped.issues.counts == [.malformed: 1] && mapped.answers.matched == 5)
        let twice = AnswerRows(texts: ["a", "a"], ids: ["x", "x"], places: [("d", 1), ("d", 2)])
        #expect(throws: InputError.self) { try map(lines: [#"{"custom_id":"x"}"#], twice) }
    }

    @Test("of equal texts are recorded once, the first one's")
    func sameText() throws {
        let rows = AnswerRows(
            texts: ["a film", "A  film", " "], ids: ["x", "y", "z"], places: [("d", 1), ("d", 2), ("d", 3)])
        let lines = [("x", -0.1), ("y", -0.7), ("z", -0.1)].map {
            #"{"custom_id":"\#($0.0)","choices":[{"logprobs":{"tokens":["positive"],"token_logprobs":[\#($0.1)]}}]}"#
        }
        let mapped = try map(lines: lines, rows, minimumMapped: 0)
        #expect(mapped.issues.counts == [.sameText: 1, .emptyText: 1] && mapped.answers.sequences.count == 1)
        let targets = try #require(mapped.targets)
        #expect(isClose(try #require(try targets.unmappedMasses()), [1 - exp(-0.1)]))
    }

    @Test("count a token for the one class that it begins; more than 1 % on a token of several refuses the row by name")
    func ambiguous() throws {
        let likely = try ClassSpellings([("positive", ["positive"]), ("partly", ["partly"]), ("no", ["no"])])
        func read(_ token: String, _ mass: Double) throws -> Mapped {
            let line =
                #"{"custom_id":"r1","choices":[{"logprobs":{"tokens":["\#(token)"],"token_logprobs":[\#(log(mass))],"top_logprobs":[{"pos":\#(log(0.5))}]}}]}"#
            var issues = AnswerIssues()
            return try withDirectory { directory in
                let url = directory.appendingPathComponent("a.jsonl")
                try Data(line.utf8).write(to: url)
                let join = try AnswerJoin([AnswerFile(reading: url)], rows: rows(), issues: &issues) { _, _ in }
                let answers = try ClassAnswers(
                    join, rows(), spellings: likely, tokenizer: tokenizer, maxLength: 16, minimumMapped: 0.1,
                    issues: &issues
                ) { _, _ in }
                return Mapped(join: join, answers: answers, issues: issues, targets: nil)
            }
        }
        #expect(try read("par", 0.3).answers.matched == 1)
        let refused = try read("p", 0.3).issues
        #expect(refused.counts[.ambiguous] == 1)
        #expect(refused.losses.contains { $0.problem.contains("partly, positive") && $0.problem.contains("\"p\"") })
        let small = try read("p", 0.005)
        #expect(small.answers.matched == 1 && small.answers.commonestUnmapped(9).map(\.token) == ["p"])
        // Case, and a longer word than a class name, are not the class.
        for other in ["Positive", "positively", " positive"] {
            #expect(try read(other, 0.3).answers.commonestUnmapped(9).map(\.token) == [other])
        }
    }

    @Test("take a table of classes in the order of recipes, and refuse one that cannot be")
    func table() throws {
        #expect(try ClassSpellings([("10", ["ten"]), ("9", ["nine"])]).classes == ["9", "10"])
        #expect(try ClassSpellings([("b", ["x"]), ("10", ["y"])]).classes == ["10", "b"])
        for bad: [(String, [String])] in [
            [], [("a", ["x"])], [("a", ["x"]), ("b", [])], [("a", ["x"]), ("b", [""])],
            [("a", ["x"]), ("b", ["y", "x"])],
            [("a", ["x"]), ("a", ["y"])],
        ] {
            #expect(throws: InputError.self) { try ClassSpellings(bad) }
        }
    }

    @Test("list the first twenty problems and count the others")
    func many() throws {
        let rows = AnswerRows(
            texts: (0..<30).map { "film \($0)" }, ids: nil, places: (0..<30).map { ("d", $0 + 1) })
        let mapped = try map(lines: Array(repeating: "{}", count: 30), rows)
        #expect(mapped.issues.counts == [.failed: 30] && mapped.issues.losses.count == 20)
        let errors = try #require(throws: InputErrors.self) { try mapped.issues.throwLosses(file: "f", remedy: "r") }
        #expect(errors.errors.count == 21 && errors.errors[20].problem == "and 10 more problems")
    }
}
