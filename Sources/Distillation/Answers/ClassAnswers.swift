import Files
public import Formats
public import Foundation
public import Tokenizers

/// Targets for a classifier, made of what a teacher answered in words.
public struct ClassAnswers {
    /// Distinct token rows, in the order of the data.
    public private(set) var sequences: [[Int32]] = []
    /// [R, classes].
    private var logProbabilities: [Float] = []
    /// Probability of no class: [R].
    private var unmapped: [Float] = []
    /// Mean probability of the tokens that the server did not list.
    public private(set) var meanBeyond = 0.0
    /// Rows whose answer was mapped, equal ones included.
    public private(set) var matched = 0
    private var tokens = TokenTally()
    private let spellings: ClassSpellings

    /// An ambiguous token of more probability than this refuses its row.
    public static let ambiguousShare = 0.01

    /// Maps every row's answer.
    ///
    /// - Parameters:
    ///   - minimumMapped: the least probability that classes must get together.
    ///   - progress: hears how many of how many rows are done; what it throws ends the work.
    public init(
        _ join: AnswerJoin, _ rows: AnswerRows, spellings: ClassSpellings, tokenizer: any Tokenizer, maxLength: Int,
        minimumMapped: Double, issues: inout AnswerIssues, progress: (Int, Int) throws -> Void
    ) throws {
        self.spellings = spellings
        var seen: Set<[Int32]> = []
        for start in stride(from: 0, to: rows.count, by: 256) {
            let range = start..<min(start + 256, rows.count)
            let encoded = tokenizer.encode(Array(rows.texts[range]), maxLength: maxLength)
            for (row, sequence) in zip(range, encoded) {
                guard let answer = join.answer(to: row) else { continue }
                let place = rows.places[row]
                guard !sequence.isEmpty, !rows.texts[row].allSatisfy(\.isWhitespace) else {
                    issues.add(.emptyText, file: place.file, line: place.line, "the row has no text")
                    continue
                }
                let reading = spellings.read(answer.tokens[0])
                func refuse(_ kind: AnswerIssues.Kind, _ problem: String, _ remedy: String) {
                    issues.add(kind, file: answer.file, line: answer.line, problem, remedy: remedy)
                }
                for (text, mass) in reading.unmapped { tokens.add(text, mass) }
                if let ambiguous = reading.ambiguous, ambiguous.mass > Self.ambiguousShare {
                    refuse(
                        .ambiguous,
                        "the token \"\(ambiguous.text)\" (\(Self.percent(ambiguous.mass))) begins the names of "
                            + ambiguous.classes.joined(separator: ", "),
                        "ask for names that differ in their first token")
                    continue
                }
                guard reading.mapped >= minimumMapped, reading.mapped > 0 else {
                    refuse(
                        .unmapped,
                        "classes get \(Self.percent(reading.mapped)) of the first token's probability; the likeliest is "
                            + "\"\(answer.tokens[0].chosen.text.prefix(40))\"",
                        "add its spelling to a class, ask for the class name alone, or lower --min-mapped")
                    continue
                }
                matched += 1
                meanBeyond += reading.beyond
                guard seen.insert(sequence).inserted else {
                    issues.add(.sameText, file: place.file, line: place.line, "has the tokens of an earlier row")
                    continue
                }
                sequences.append(sequence)
                logProbabilities += reading.logProbabilities
                unmapped.append(Float(max(0, 1 - reading.mapped)))
            }
            try progress(range.upperBound, rows.count)
        }
        meanBeyond /= Double(max(1, matched))
    }

    private static func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }

    /// Mean of the probability that no class got, and the value that one row in twenty exceeds.
    public var unmappedMass: (mean: Double, p95: Double) { Self.meanAndP95(unmapped) }

    static func meanAndP95(_ values: [Float]) -> (mean: Double, p95: Double) {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return (0, 0) }
        let place = min(sorted.count - 1, sorted.count * 95 / 100)
        return (sorted.reduce(0) { $0 + Double($1) } / Double(sorted.count), Double(sorted[place]))
    }

    /// The tokens that count for no class, of the largest probability in all rows first.
    public func commonestUnmapped(_ count: Int) -> [TokenTally.Entry] { tokens.largest(count) }

    /// Writes a soft-target file; see `SoftTargetFile`.
    public func write(to url: URL, digests: [String: String], notes: [String: HDF5Attribute]) throws {
        let classes = spellings.classes
        var description = SoftTargetDescription(
            predictions: .init(scope: .row, outcomes: classes.count, kept: classes.count))
        description.classes = classes
        description.digests = digests
        try AtomicFile.requireRoom(
            for: 8 * logProbabilities.count + 4 * sequences.reduce(0) { $0 + $1.count } + (64 << 10), at: url)
        try HDF5File.create(at: url) { file in
            let writer = try SoftTargetWriter(
                file, description, rows: sequences, columns: [], plan: TargetPlan(), notes: notes)
            try writer.append(ids: nil, logProbabilities: logProbabilities, logNormalizers: [])
            try file.write(unmapped, shape: [unmapped.count], to: SoftTargetFile.unmapped)
        }
    }
}
