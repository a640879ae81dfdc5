import Evaluation
import Files
import Formats
import Foundation

/// Answers that a model, or an API, once gave to the examples, joined to them by id.
struct RecordedAnswers {
    let path: String
    /// One per example, in their order.
    let rows: [RecordedAnswer]
    /// The line of each, counted from 1.
    let lines: [Int]

    /// The most bytes of one line.
    private static let longestLine = 64 << 20

    /// - Throws: `InputErrors` for lines that are no answers, ids that stand twice, and ids that only one side has.
    init(reading path: String, joinedTo examples: ExampleRows) throws {
        self.path = path
        var byID: [String: (answer: RecordedAnswer, line: Int)] = [:]
        var problems: [InputError] = []
        for (number, line) in try Self.lines(path) {
            guard line.count <= Self.longestLine else {
                problems.append(
                    InputError(file: path, line: number, problem: "the line has \(line.count) bytes", remedy: nil))
                continue
            }
            do {
                let answer = try JSONDecoder().decode(RecordedAnswer.self, from: line)
                if let fault = answer.fault {
                    problems.append(
                        InputError(
                            file: path, line: number, field: fault.field, problem: fault.problem,
                            remedy: "mend the line, or leave the key out"))
                }
                let id = answer.id ?? "\(byID.count + 1)"
                if let earlier = byID.updateValue((answer, number), forKey: id) {
                    problems.append(
                        InputError(
                            file: path, line: number, field: "id",
                            problem: "\"\(id.prefix(80))\" is also the id of line \(earlier.line)",
                            remedy: "keep one answer to each example"))
                }
            } catch is DecodingError {
                problems.append(
                    InputError(
                        file: path, line: number,
                        problem:
                            "not a JSON object of an answer: id with label, scores, logits, value, embedding or text",
                        remedy: "write what `retort predict` writes, or the API's own responses"))
            }
        }
        let known = Set(examples.ids)
        let strangers = byID.filter { !known.contains($0.key) }.sorted { $0.value.line < $1.value.line }
        if let first = strangers.first {
            problems.append(
                InputError(
                    file: path, line: first.value.line, field: "id",
                    problem:
                        "\(examples.file) has no row \"\(first.key.prefix(80))\"; \(strangers.count) answers have no row",
                    remedy: examples.hasIDs
                        ? "give the data that the answers are to"
                        : "rows without an id column are named by their numbers, from 1; name the column with --id"))
        }
        let missing = examples.ids.indices.filter { byID[examples.ids[$0]] == nil }
        if let first = missing.first {
            problems.append(
                InputError(
                    file: path, field: "id",
                    problem: "has no answer to \"\(examples.ids[first].prefix(80))\" (\(examples.places[first])); "
                        + "\(missing.count) of \(examples.count) rows have none",
                    remedy: "answer all rows, or take the others out of the data"))
        }
        for index in examples.ids.indices {
            guard let entry = byID[examples.ids[index]], let failure = entry.answer.failure else { continue }
            problems.append(
                InputError(file: path, line: entry.line, problem: failure, remedy: "ask again, or leave the row out"))
        }
        guard problems.isEmpty else { throw InputErrors(ExampleRows.capped(problems, file: path)) }
        rows = examples.ids.map { byID[$0]!.answer }
        self.lines = examples.ids.map { byID[$0]!.line }
    }

    /// The lines that are not blank, with their numbers.
    private static func lines(_ path: String) throws -> [(Int, Data)] {
        let content: Data
        do {
            content = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        } catch {
            throw InputError(file: path, problem: "cannot be read: \(error.systemReason)")
        }
        return content.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated().compactMap {
            $1.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } ? nil : ($0 + 1, Data($1))
        }
    }

    /// What the first answer is of, and so all must be.
    enum Kind: String { case classes, number, embedding, text }

    var kind: Kind? {
        guard let first = rows.first else { return nil }
        if first.label != nil || first.scores != nil || first.logits != nil { return .classes }
        if first.value != nil { return .number }
        if first.embedding != nil { return .embedding }
        return first.text == nil ? nil : .text
    }

    /// One value of every answer.
    ///
    /// - Throws: `InputErrors` with the answers that lack it.
    func values<Value>(_ name: String, _ examples: ExampleRows, _ value: (RecordedAnswer) -> Value?) throws -> [Value] {
        let found = rows.map(value)
        let lacking = found.indices.filter { found[$0] == nil }
        if let first = lacking.first {
            throw InputError(
                file: path, line: lines[first], field: name,
                problem:
                    "the answer to \"\(examples.ids[first].prefix(80))\" has none; \(lacking.count) answers lack it",
                remedy: "record the same kind of answer to every row")
        }
        return found.map { $0! }
    }

    /// What the answers took, where every one says so.
    var latency: LatencySummary? {
        let times = rows.compactMap(\.latency).filter { $0.isFinite && $0 > 0 }.sorted()
        guard !times.isEmpty, times.count == rows.count else { return nil }
        return LatencySummary(
            p50: Quantile.linear(times, 0.5), p90: Quantile.linear(times, 0.9), p99: Quantile.linear(times, 0.99),
            queries: times.count, threads: 1)
    }
}
