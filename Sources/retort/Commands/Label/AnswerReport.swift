import Distillation
import Files
import Foundation

/// What came of a served teacher's answers.
struct AnswerReport: Encodable {
    struct Unmapped: Encodable {
        var mean: Double
        var p95: Double
        /// The mean of what the server did not list.
        var meanUnlisted: Double?
        /// The tokens that no class got.
        var tokens: [TokenTally.Entry]?
    }

    struct Alignment: Encodable {
        /// Tokens of the student that begin inside of an answer, and those of them that have targets.
        var answerTokens: Int
        var targets: Int
    }

    var schema = 1
    var output: String
    var models: [String]
    var answers: Int
    var joinedBy: String
    var dataRows: Int
    /// Rows that got targets; `rows` are the distinct ones.
    var matchedRows = 0
    var rows = 0
    var classes: [String]?
    var alignment: Alignment?
    var problems: [String: Int] = [:]
    var unmapped = Unmapped(mean: 0, p95: 0)
    var bytes = 0
    var seconds = 0.0

    init(_ join: AnswerJoin, dataRows: Int, output: String) {
        self.output = output
        self.dataRows = dataRows
        models = join.models
        answers = join.answers
        joinedBy = join.rule.rawValue
    }

    mutating func add(_ targets: ClassAnswers, _ spellings: ClassSpellings) {
        (matchedRows, rows, classes) = (targets.matched, targets.sequences.count, spellings.classes)
        let mass = targets.unmappedMass
        unmapped = Unmapped(
            mean: mass.mean, p95: mass.p95, meanUnlisted: targets.meanBeyond, tokens: targets.commonestUnmapped(10))
    }

    mutating func add(_ targets: TokenAnswers) {
        (matchedRows, rows) = (targets.matched, targets.sequences.count)
        alignment = Alignment(answerTokens: targets.answerTokens, targets: targets.targets)
        let mass = targets.unmappedMass
        unmapped = Unmapped(mean: mass.mean, p95: mass.p95)
    }

    mutating func finish(_ issues: AnswerIssues, at url: URL, seconds: Double) throws {
        problems = Dictionary(uniqueKeysWithValues: issues.counts.map { ($0.key.rawValue, $0.value) })
        bytes = FileSize.bytes(at: url.path) ?? 0
        self.seconds = seconds
    }

    var lines: [String] {
        let joined =
            switch joinedBy {
            case AnswerJoin.Rule.idColumn.rawValue: "by custom_id and the id column"
            case AnswerJoin.Rule.rowNumber.rawValue: "by custom_id as row-N, counted from 1: the data has no id column"
            default: "by their order: no answer has a custom_id"
            }
        var lines = [
            "\(answers) answers\(models.isEmpty ? "" : " of \(models.joined(separator: ", "))"), joined \(joined)"
        ]
        lines.append(
            "\(matchedRows) of \(dataRows) rows mapped to \(classes?.joined(separator: ", ") ?? "tokens"); \(rows) distinct in "
                + "\(output), \(bytes) bytes")
        if let alignment {
            let share = Double(alignment.targets) / Double(max(1, alignment.answerTokens))
            lines.append(
                "\(alignment.targets) of \(alignment.answerTokens) answer tokens (\(Self.percent(share))) have targets")
        }
        lines.append(
            "probability of no \(classes == nil ? "token of the student" : "class"): mean \(Self.percent(unmapped.mean)), 95 % of "
                + "\(classes == nil ? "targets" : "rows") below \(Self.percent(unmapped.p95))"
                + (unmapped.meanUnlisted.map { "; not listed by the server: mean \(Self.percent($0))" } ?? ""))
        if let tokens = unmapped.tokens, !tokens.isEmpty {
            lines.append(
                "commonest unmapped tokens: "
                    + tokens.map { "\"\($0.token.replacing("\n", with: "\\n"))\" in \($0.rows) rows" }
                    .joined(separator: ", "))
        }
        if !problems.isEmpty {
            lines.append(
                "problems: "
                    + problems.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
        }
        return lines
    }

    private static func percent(_ share: Double) -> String { String(format: "%.2f %%", share * 100) }
}
