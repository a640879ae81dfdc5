import Files
public import Formats

/// Which answer belongs to which row of the data.
///
/// An answer's `custom_id` is a value of the data's id column; without such a column `row-N`, rows being counted from 1 over all
/// data files. Where no answer has a `custom_id`, the n-th answer belongs to the n-th row. Of several usable answers to one row
/// the last counts, so that repeated requests can be added to the end.
public struct AnswerJoin {
    public enum Rule: String, Sendable {
        case idColumn = "id_column"
        case rowNumber = "row_number"
        case order
    }

    public let rule: Rule
    /// The models that the answers name, sorted; at most a few.
    public let models: [String]
    /// Answers, usable or not.
    public private(set) var answers = 0
    private let files: [AnswerFile]
    private let places: [Place?]

    private struct Place {
        let file: Int
        let place: AnswerFile.Place
    }

    private struct Entry {
        let id: String?
        let place: Place
        let fault: (kind: AnswerIssues.Kind, problem: String)?
    }

    private static let shownModels = 8

    /// Reads all files once.
    ///
    /// - Parameter progress: hears how many of how many bytes are read; what it throws ends the reading.
    /// - Throws: `InputError` where answers and rows cannot be told apart: ids that stand twice, `row-0`, or another number of
    ///   answers than rows where only the order is left.
    public init(
        _ files: [AnswerFile], rows: AnswerRows, issues: inout AnswerIssues, progress: (Int, Int) throws -> Void
    ) throws {
        self.files = files
        var entries: [Entry] = []
        var models: Set<String> = []
        let total = files.reduce(0) { $0 + $1.byteCount }
        var before = 0
        for (index, file) in files.enumerated() {
            try file.forEachAnswer { place, answer, bytes in
                if let model = answer.model, models.count < Self.shownModels { models.insert(model) }
                var fault: (AnswerIssues.Kind, String)?
                if case .unusable(let kind, let problem) = answer.outcome { fault = (.init(kind), problem) }
                entries.append(Entry(id: answer.customID, place: Place(file: index, place: place), fault: fault))
                if entries.count % 256 == 0 { try progress(before + bytes, total) }
            }
            before += file.byteCount
        }
        try progress(total, total)
        answers = entries.count
        self.models = models.sorted()

        let hasIDs = entries.contains { $0.id != nil }
        rule = !hasIDs ? .order : rows.ids == nil ? .rowNumber : .idColumn
        let rowOf = try hasIDs ? Self.rowNumbers(rows) : [:]
        if !hasIDs, entries.count != rows.count {
            throw InputError(
                file: files[0].name, field: "custom_id",
                problem:
                    "no answer has one, and \(entries.count) answers cannot be told to \(rows.count) rows by their order",
                remedy: "give as many answers as rows, failed ones included, or answers with a custom_id")
        }
        var places = [Place?](repeating: nil, count: rows.count)
        var isNamed = [Bool](repeating: false, count: rows.count)
        // Faults count once it is clear that no other answer makes them good.
        var faults: [(row: Int?, entry: Entry)] = []
        for (order, entry) in entries.enumerated() {
            let (file, line) = (files[entry.place.file].name, entry.place.place.line)
            guard let row = hasIDs ? entry.id.flatMap({ rowOf[Array($0.utf8)] }) : order else {
                if entry.id == nil, entry.fault != nil {
                    faults.append((nil, entry))
                } else if entry.id == "row-0", rows.ids == nil {
                    throw InputError(
                        file: file, line: line, field: "custom_id", problem: "row-0: rows are counted from 1",
                        remedy: "count from 1, or give the data an id column")
                } else {
                    issues.add(
                        .unknownID, file: file, line: line, field: "custom_id",
                        entry.id.map { "the data has no row \"\($0.prefix(80))\"" }
                            ?? "the answer has no custom_id, others have",
                        remedy: "give the data file that the requests were made of, and its id column (--id)")
                }
                continue
            }
            isNamed[row] = true
            guard entry.fault == nil else {
                faults.append((row, entry))
                continue
            }
            if places[row] != nil {
                issues.add(
                    .repeated, file: file, line: line, field: "custom_id",
                    "another usable answer to the row of line \(rows.places[row].line); the last one counts")
            }
            places[row] = entry.place
        }
        for (row, entry) in faults where row.map({ places[$0] == nil }) ?? true {
            let (kind, problem) = entry.fault!
            issues.add(kind, file: files[entry.place.file].name, line: entry.place.place.line, problem)
        }
        for row in 0..<rows.count where !isNamed[row] {
            issues.add(.missing, file: rows.places[row].file, line: rows.places[row].line, "no answer names this row")
        }
        self.places = places
    }

    /// Rows by name, compared by bytes.
    private static func rowNumbers(_ rows: AnswerRows) throws -> [[UInt8]: Int] {
        guard let ids = rows.ids else {
            return Dictionary(uniqueKeysWithValues: (0..<rows.count).map { (Array("row-\($0 + 1)".utf8), $0) })
        }
        var numbers: [[UInt8]: Int] = [:]
        for (row, id) in ids.enumerated() {
            guard let earlier = numbers.updateValue(row, forKey: Array(id.utf8)) else { continue }
            throw InputError(
                file: rows.places[row].file, line: rows.places[row].line, field: "id",
                problem: "\"\(id.prefix(80))\" is also the id of the row of line \(rows.places[earlier].line)",
                remedy: "name each row once, or name another column (--id)")
        }
        return numbers
    }

    /// The tokens of the answer that counts for a row, and where it stands; nil if there is none.
    public func answer(to row: Int) -> (tokens: [APIAnswer.Token], file: String, line: Int)? {
        guard let place = places[row], case .tokens(let tokens) = files[place.file].answer(at: place.place).outcome
        else {
            return nil
        }
        return (tokens, files[place.file].name, place.place.line)
    }
}
