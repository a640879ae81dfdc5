public import Files
public import Foundation

/// What changes for the users of a model or an API when a new version answers in place of the old one.
///
/// No value depends on the order of the rows, but for the order in which they are listed.
public struct Migration: Sendable {
    public let oldPath: String
    public let newPath: String
    public let rows: [MigrationRow]
    public let all: MigrationGroup
    /// By priority, then by owner, in the order of the names.
    public let priorities: [MigrationGroup]
    public let owners: [MigrationGroup]
    public let gates: [GateOutcome]
    /// Where the answers, the data and the schema came from.
    public let digests: [RunRecord.Fact]
    public let commands: [String]

    /// Whether every gate passed; true if there are none.
    public var passed: Bool { gates.allSatisfy(\.passed) }

    /// - Parameters:
    ///   - rows: at least one.
    ///   - checksJSON: whether `jsonFault` was looked for.
    ///   - strict: holds the far end of intervals to the limits of gates.
    /// - Throws: `InputErrors` for a gate on a priority, or on a number, that there is not.
    public init(
        old: String, new: String, rows: [MigrationRow], gates: [MigrationGate], strict: Bool, checksJSON: Bool,
        digests: [RunRecord.Fact], commands: [String], seed: UInt64 = 0
    ) throws(InputErrors) {
        func groups(_ name: (MigrationRow) -> String?) -> [MigrationGroup] {
            let parts = Dictionary(grouping: rows.filter { name($0) != nil }) { name($0)! }
            return parts.sorted { $0.key < $1.key }.map {
                MigrationGroup($0.key, $0.value, checksJSON: checksJSON, seed: seed)
            }
        }
        (oldPath, newPath) = (old, new)
        self.rows = rows
        self.digests = digests
        self.commands = commands
        let all = MigrationGroup("", rows, checksJSON: checksJSON, seed: seed)
        let priorities = groups(\.priority)
        var (outcomes, problems): ([GateOutcome], [InputError]) = ([], [])
        for gate in gates {
            guard let group = gate.priority.map({ name in priorities.first { $0.name == name } }) ?? all else {
                problems.append(
                    InputError(
                        field: "--gate", problem: "\"\(gate.text)\": no row has the priority \(gate.priority ?? "")",
                        remedy: "there are: \(priorities.map(\.name).joined(separator: ", "))"))
                continue
            }
            do {
                outcomes.append(try gate.outcome(in: group, strict: strict))
            } catch {
                problems.append(error)
            }
        }
        guard problems.isEmpty else { throw InputErrors(problems) }
        self.all = all
        self.priorities = priorities
        owners = groups(\.owner)
        self.gates = outcomes
    }

    /// Rows that a person should look at: regressions first, then those with the most risks; ties by id.
    public var risky: [MigrationRow] {
        func weight(_ row: MigrationRow) -> Int { (row.verdict == .regressed ? 100 : 0) + row.risks.count }
        return rows.filter { !$0.risks.isEmpty }.sorted { (-weight($0), $0.id) < (-weight($1), $1.id) }
    }

    /// `compare.json`: one object with sorted keys, schema version 1.
    ///
    ///     schema, old, new: where the answers came from, commands [text], digests [{name, value}]
    ///     all, priorities [G], owners [G]: see `MigrationGroup`; verdicts and risks are counts by name; sums and percentiles
    ///       stand only where they are known of every answer, and without_tokens, without_latency say of how many they are not
    ///     gates [{gate, value, threshold, passed, margin where judged strictly}], passed
    ///     regressions [id], risky [id]: the worst first
    public func json() throws -> Data {
        struct Document: Encodable {
            var schema = 1
            var old: String
            var new: String
            var all: MigrationGroup
            var priorities: [MigrationGroup]
            var owners: [MigrationGroup]
            var gates: [GateOutcome]
            var passed: Bool
            var regressions: [String]
            var risky: [String]
            var digests: [RunRecord.Fact]
            var commands: [String]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(
            Document(
                old: oldPath, new: newPath, all: all, priorities: priorities, owners: owners, gates: gates,
                passed: passed, regressions: risky.filter { $0.verdict == .regressed }.map(\.id),
                risky: risky.map(\.id), digests: digests, commands: commands)) + Data("\n".utf8)
    }

    /// Writes `compare.html`, `verdicts.jsonl`, one object per row in data order, and `compare.json`, all or none.
    public func write(to directory: URL) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        let lines = try rows.reduce(into: Data()) { $0 += try encoder.encode($1) + Data("\n".utf8) }
        try AtomicFile.write(all: [
            (directory.appendingPathComponent("compare.html"), Data(html().utf8)),
            (directory.appendingPathComponent("verdicts.jsonl"), lines),
            (directory.appendingPathComponent("compare.json"), json()),
        ])
    }

    /// The results for a terminal: the verdict, a table by priority, costs, and the significance.
    public var lines: [String] {
        let verdicts = MigrationRow.Verdict.allCases
        var table = [["", "Rows"] + verdicts.map(\.rawValue) + ["Old passes", "New passes"]]
        for group in [all] + priorities {
            table.append(
                [group.name.isEmpty ? "All" : group.name, Notation.count(group.rows)]
                    + verdicts.map { Notation.count(group.verdicts[$0.rawValue] ?? 0) }
                    + [group.old, group.new].map {
                        "\(Notation.percent($0.passRate.value)) (\(Notation.percentRange($0.passRate)))"
                    })
        }
        var lines = AlignedTable.lines(table)
        let difference = all.passDifference
        lines.append(
            "pass rate: \(Notation.points(difference.value)) points (95% interval \(Notation.points(difference.low)) to "
                + "\(Notation.points(difference.high))), McNemar p \(Notation.comparedP(all.mcnemarP)), detectable "
                + "\(Notation.fixed(all.minimumDetectableEffect * 100, 1)) points")
        for change in MigrationPage.changes(all) {
            let percent = change.change == Notation.none ? "" : " (\(change.change))"
            lines.append("\(change.name): \(change.old) → \(change.new)\(percent)")
        }
        if let unknown = all.unknown { lines.append(unknown) }
        let risks = all.risks.sorted { (-$0.value, $0.key) < (-$1.value, $1.key) }
        if !risks.isEmpty { lines.append("risks: " + risks.map { "\($0.key) \($0.value)" }.joined(separator: ", ")) }
        return lines
    }

    /// A row for a message.
    public static func described(_ row: MigrationRow) -> String {
        func short(_ text: String) -> String {
            let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
            return line.count > 60 ? "\(line.prefix(60))…" : line
        }
        let owner = [row.priority, row.owner].compactMap { $0 }.joined(separator: ", ")
        return "\(row.id)\(owner.isEmpty ? "" : " (\(owner))"): \(row.verdict.rawValue)"
            + (row.risks.isEmpty ? "" : " [\(row.risks.map(\.rawValue).joined(separator: ", "))]")
            + ": \(short(row.old.text)) → \(short(row.new.text))" + (row.new.jsonFault.map { ": \($0)" } ?? "")
    }
}
