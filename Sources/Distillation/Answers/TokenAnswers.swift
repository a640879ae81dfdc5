import Files
public import Formats
public import Foundation
public import Tokenizers

/// Targets for a language model, made of the tokens that a served teacher thought of.
///
/// A row is a prompt and its answer, cut by the student's tokenizer; chat templates are not applied. Where a token of the teacher
/// and one of the student begin at the same byte, the teacher's candidates whose bytes are exactly one of the student's tokens are
/// recorded at the position before, which predicts it; the rest is tail. A position without such a place has no target: see
/// `SoftTargetFile`.
public struct TokenAnswers {
    /// Distinct token rows, in the order of the data.
    public private(set) var sequences: [[Int32]] = []
    /// Rows whose answer was laid over the student's tokens, equal ones included.
    public private(set) var matched = 0
    /// The student's tokens that begin inside of an answer, and how many of them have targets.
    public private(set) var answerTokens = 0
    public private(set) var targets = 0
    /// The row of the data that each token row is of.
    private var numbers: [Int] = []
    /// Probability that no token of the student got, per target.
    private var unmapped: [Float] = []
    private let join: AnswerJoin
    private let rows: AnswerRows
    private let alignment: TokenAlignment
    private let predictions: SoftTargetDescription.Predictions

    /// Lays every row's answer over the student's tokens.
    ///
    /// - Parameters:
    ///   - kept: k, the outcomes that are kept at a position.
    ///   - outcomes: V, what the student predicts over; at least the tokenizer's ids.
    ///   - progress: hears how many of how many rows are done; what it throws ends the work.
    public init(
        _ join: AnswerJoin, _ rows: AnswerRows, tokenizer: any Tokenizer, maxLength: Int, kept: Int, outcomes: Int,
        issues: inout AnswerIssues, progress: (Int, Int) throws -> Void
    ) throws {
        precondition(kept > 0 && outcomes >= tokenizer.vocabularySize, "\(kept) of \(outcomes) outcomes")
        self.join = join
        self.rows = rows
        alignment = TokenAlignment(tokenizer, maxLength: maxLength)
        predictions = .init(scope: .position, outcomes: outcomes, kept: min(kept, outcomes - 1))
        var seen: Set<[Int32]> = []
        for row in 0..<rows.count {
            if row % 64 == 0 { try progress(row, rows.count) }
            guard let answer = join.answer(to: row) else { continue }
            func refuse(_ problem: String) { issues.add(.unaligned, file: answer.file, line: answer.line, problem) }
            do throws(TokenAlignment.Problem) {
                let aligned = try alignment.row(rows.texts[row], answer.tokens)
                guard !aligned.places.isEmpty else {
                    refuse("no token of the answer begins where one of the student's does, within the longest input")
                    continue
                }
                matched += 1
                guard seen.insert(aligned.tokens).inserted else {
                    let place = rows.places[row]
                    issues.add(.sameText, file: place.file, line: place.line, "has the tokens of an earlier row")
                    continue
                }
                sequences.append(aligned.tokens)
                numbers.append(row)
                answerTokens += aligned.answerTokens
                targets += aligned.places.count
                for (_, token) in aligned.places {
                    unmapped.append(Float(alignment.outcomes(of: token, kept: predictions.kept).rest))
                }
            } catch {
                refuse(error.text)
            }
        }
        try progress(rows.count, rows.count)
    }

    /// Mean of the probability that is left to the tail, and the value that one target in twenty exceeds.
    public var unmappedMass: (mean: Double, p95: Double) { ClassAnswers.meanAndP95(unmapped) }

    /// Writes a soft-target file, answer by answer; see `SoftTargetFile`.
    ///
    /// - Parameter progress: hears how many of how many rows are written; what it throws ends the writing.
    public func write(
        to url: URL, digests: [String: String], notes: [String: HDF5Attribute], progress: (Int, Int) throws -> Void
    ) throws {
        var description = SoftTargetDescription(predictions: predictions)
        description.hasUniformTail = true
        description.digests = digests
        let positions = sequences.reduce(0) { $0 + $1.count }
        try AtomicFile.requireRoom(for: positions * (8 * predictions.kept + 4) + (64 << 10), at: url)
        try HDF5File.create(at: url) { file in
            let writer = try SoftTargetWriter(
                file, description, rows: sequences, columns: [], plan: TargetPlan(), notes: notes)
            for (index, (sequence, number)) in zip(sequences, numbers).enumerated() {
                guard let answer = join.answer(to: number) else {
                    preconditionFailure("row \(number) was laid over the student's tokens before")
                }
                let aligned = try alignment.row(rows.texts[number], answer.tokens)
                var values = EmptyPredictions(sequence.count, predictions)
                for (position, token) in aligned.places {
                    values.set(alignment.outcomes(of: token, kept: predictions.kept).outcomes, at: position)
                }
                try writer.append(ids: values.ids, logProbabilities: values.logProbabilities, logNormalizers: [])
                if index % 64 == 0 { try progress(index, sequences.count) }
            }
        }
        try progress(sequences.count, sequences.count)
    }
}

/// Predictions of some positions that say nothing until they are set: the last ids of the vocabulary at −infinity.
struct EmptyPredictions {
    private(set) var ids: [Int32]
    private(set) var logProbabilities: [Float]
    private let predictions: SoftTargetDescription.Predictions

    init(_ positions: Int, _ predictions: SoftTargetDescription.Predictions) {
        self.predictions = predictions
        let last = (0..<predictions.kept).map { Int32(predictions.outcomes - 1 - $0) }
        ids = (0..<positions).flatMap { _ in last }
        logProbabilities = [Float](repeating: -.infinity, count: positions * predictions.kept)
    }

    /// Puts at most k outcomes at a position; others fill the places that are left, at −infinity.
    mutating func set(_ outcomes: [(id: Int32, mass: Double)], at position: Int) {
        let start = position * predictions.kept
        let used = Set(outcomes.map(\.id))
        var filler = Int32(predictions.outcomes)
        for place in 0..<predictions.kept {
            if place < outcomes.count {
                ids[start + place] = outcomes[place].id
                logProbabilities[start + place] = Float(log(min(1, outcomes[place].mass)))
            } else {
                repeat { filler -= 1 } while used.contains(filler)
                ids[start + place] = filler
                logProbabilities[start + place] = -.infinity
            }
        }
    }
}
