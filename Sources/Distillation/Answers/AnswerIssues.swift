public import Files
import Formats

/// What is wrong with some answers: how many of each kind, and the first of them in words.
public struct AnswerIssues: Sendable {
    public enum Kind: String, CaseIterable, Sendable {
        /// The line is no answer in JSON, or its numbers are no log-probabilities.
        case malformed
        /// The server reported an error.
        case failed
        case refused
        case withoutLogProbabilities = "without_log_probabilities"
        /// The answer names no row of the data.
        case unknownID = "unknown_id"
        /// No answer names the row.
        case missing
        /// A row of the data without text.
        case emptyText = "empty_text"
        /// A token that begins the names of several classes has more than a little of the probability.
        case ambiguous
        /// Less of the probability than was asked for could be given to classes.
        case unmapped
        /// No token of the answer is one of the student's.
        case unaligned
        /// Several usable answers to one row, of which the last counts.
        case repeated
        /// Rows with the tokens of an earlier one, whose answer counts.
        case sameText = "same_text"

        /// Whether a row or an answer is lost by it.
        public var isLoss: Bool { self != .repeated && self != .sameText }

        init(_ fault: APIAnswer.Fault) {
            switch fault {
            case .malformed: self = .malformed
            case .failed: self = .failed
            case .refused: self = .refused
            case .withoutLogProbabilities: self = .withoutLogProbabilities
            }
        }
    }

    /// How many are kept in words.
    public static let shown = 20

    public private(set) var counts: [Kind: Int] = [:]
    /// The first ones by which something is lost, and the first of the others.
    public private(set) var losses: [InputError] = []
    public private(set) var others: [InputError] = []

    public init() {}

    public mutating func add(
        _ kind: Kind, file: String, line: Int? = nil, field: String? = nil, _ problem: String, remedy: String? = nil
    ) {
        counts[kind, default: 0] += 1
        let error = InputError(file: file, line: line, field: field, problem: problem, remedy: remedy)
        if kind.isLoss {
            if losses.count < Self.shown { losses.append(error) }
        } else if others.count < Self.shown {
            others.append(error)
        }
    }

    public var lossCount: Int { counts.filter(\.key.isLoss).values.reduce(0, +) }

    /// - Throws: `InputErrors` if anything is lost: the first twenty, then how many more there are.
    public func throwLosses(file: String, remedy: String) throws {
        guard lossCount > 0 else { return }
        let hidden = lossCount - losses.count
        let end =
            hidden > 0
            ? InputError(file: file, problem: "and \(hidden) more problems", remedy: remedy)
            : InputError(file: file, problem: "not every row has a usable answer", remedy: remedy)
        throw InputErrors(losses + [end])
    }
}
