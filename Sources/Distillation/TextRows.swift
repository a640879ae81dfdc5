public import Files
public import Formats
import Foundation

/// The rows of one split: texts, each with what stands in its column of labels, and where it stands in its file.
public struct TextRows: Sendable {
    /// The address as it was written.
    public let file: String
    public let texts: [String]
    /// Without blanks around them; empty where no column of labels is read.
    public let labels: [String]
    /// The line on which each row starts.
    public let lines: [Int]
    /// The file of each row, or its archive and entry.
    public let files: [String]
    /// Rows that were left out because they could not be used.
    public let skipped: [InputError]
    /// How many files, and entries of archives, the rows come from.
    public let extent: TextRecords.Extent

    public var count: Int { texts.count }

    /// Where a row was written, such as `train.csv:12`.
    public func place(of row: Int) -> String { "\(files[row]):\(lines[row])" }

    /// Why a label cannot be used, and the way out.
    public typealias Refusal = (problem: String, remedy: String)

    /// Reads the csv, tsv and jsonl files, or the entries of archives, of an address (see `DataAddress`).
    ///
    /// - Parameters:
    ///   - label: the column of labels; nil reads texts alone.
    ///   - skipBadRows: leaves rows out that are not well formed, without text or with a refused label, and lists them.
    ///   - limit: reads the first rows only.
    ///   - wanted: what a row must have, for the message that there is none: `a text and a known label`.
    ///   - refusing: says why a label cannot be used.
    /// - Throws: `InputErrors` with every row that cannot be used, the first twenty in words.
    public init(
        reading address: DataAddress, text: String, label: String?, skipBadRows: Bool, limit: Int?, wanted: String,
        refusing: (String) -> Refusal?
    ) throws {
        var rows: (texts: [String], labels: [String], lines: [Int], files: [String]) = ([], [], [], [])
        var bad: [InputError] = []
        extent = try TextRecords.forEach(
            in: address, columns: [text] + [label].compactMap { $0 }, limit: limit,
            leavingOut: skipBadRows ? { bad.append($0) } : nil
        ) { record in
            func refuse(_ column: String, _ refusal: Refusal) {
                bad.append(
                    InputError(
                        file: record.file, line: record.line, field: column, problem: refusal.problem,
                        remedy: refusal.remedy))
            }
            if record.fields[0].allSatisfy(\.isWhitespace) {
                return refuse(text, ("the row has no text", Self.fillIn))
            }
            if let label {
                let name = record.fields[1].trimmingCharacters(in: .whitespaces)
                if name.isEmpty { return refuse(label, ("the row has no label", Self.fillIn)) }
                if let refusal = refusing(name) { return refuse(label, refusal) }
                rows.labels.append(name)
            }
            rows.texts.append(record.fields[0])
            rows.lines.append(record.line)
            rows.files.append(record.file)
        }
        if !skipBadRows, !bad.isEmpty { throw InputErrors(Self.capped(bad, file: address.text)) }
        if rows.texts.isEmpty {
            throw InputErrors([
                InputError(
                    file: address.text, problem: "the split is empty: no row has \(wanted)",
                    remedy: "give a file with rows, or check data.text and data.label")
            ])
        }
        file = address.text
        (texts, labels, lines, files) = rows
        skipped = Self.inOrder(bad)
    }

    private static let fillIn = "fill it in, delete the row, or set data.on_bad_row=skip"

    /// By files, then by lines: that a key is missing shows only at a file's end.
    private static func inOrder(_ errors: [InputError]) -> [InputError] {
        var order: [String?: Int] = [:]
        for error in errors where order[error.file] == nil { order[error.file] = order.count }
        func place(_ error: InputError) -> (Int, Int) { (order[error.file] ?? 0, error.line ?? 0) }
        return errors.sorted { place($0) < place($1) }
    }

    private static func capped(_ errors: [InputError], file: String) -> [InputError] {
        guard errors.count > 20 else { return errors }
        return errors.prefix(20) + [InputError(file: file, problem: "and \(errors.count - 20) more rows like these")]
    }
}
