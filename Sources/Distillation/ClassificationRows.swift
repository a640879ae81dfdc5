public import Files
public import Formats
import Foundation

/// The rows of one split: texts with their labels, and where each stands in its file.
public struct ClassificationRows: Sendable {
    /// The address as it was written.
    public let file: String
    public let texts: [String]
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

    /// Reads the csv, tsv and jsonl files, or the entries of archives, of an address (see `DataAddress`).
    ///
    /// - Parameters:
    ///   - classes: the labels that may occur; nil takes every label.
    ///   - skipBadRows: leaves rows out that are not well formed, without text or with an unknown label, and lists them.
    ///   - limit: reads the first rows only.
    /// - Throws: `InputErrors` with every row that cannot be used, the first twenty in words.
    public init(
        reading address: DataAddress, text: String, label: String, classes: [String]? = nil, skipBadRows: Bool = false,
        limit: Int? = nil
    ) throws {
        let known = classes.map(Set.init)
        var rows: (texts: [String], labels: [String], lines: [Int], files: [String]) = ([], [], [], [])
        var bad: [InputError] = []
        extent = try TextRecords.forEach(
            in: address, columns: [text, label], limit: limit, leavingOut: skipBadRows ? { bad.append($0) } : nil
        ) { record in
            let value = record.fields[0]
            let name = record.fields[1].trimmingCharacters(in: .whitespaces)
            func refuse(_ column: String, _ problem: String, _ remedy: String) {
                bad.append(
                    InputError(file: record.file, line: record.line, field: column, problem: problem, remedy: remedy))
            }
            if value.allSatisfy(\.isWhitespace) {
                refuse(text, "the row has no text", "fill it in, delete the row, or set data.on_bad_row=skip")
            } else if name.isEmpty {
                refuse(label, "the row has no label", "fill it in, delete the row, or set data.on_bad_row=skip")
            } else if let known, !known.contains(name) {
                let nearest = nearestName(to: name, among: classes!).map { "did you mean \($0)? " } ?? ""
                refuse(
                    label, "unknown label \(name); the training rows have \(Self.list(classes!))",
                    nearest + "Mend the label, or set data.on_bad_row=skip")
            } else {
                rows.texts.append(value)
                rows.labels.append(name)
                rows.lines.append(record.line)
                rows.files.append(record.file)
            }
        }
        if !skipBadRows, !bad.isEmpty { throw InputErrors(Self.capped(bad, file: address.text)) }
        if rows.texts.isEmpty {
            throw InputErrors([
                InputError(
                    file: address.text, problem: "the split is empty: no row has a text and a known label",
                    remedy: "give a file with rows, or check data.text and data.label")
            ])
        }
        file = address.text
        (texts, labels, lines, files) = rows
        skipped = Self.inOrder(bad)
    }

    /// The distinct labels: in numeric order where all are whole numbers, else sorted as text.
    public var classes: [String] {
        let distinct = Set(labels)
        let numbers = distinct.compactMap { Int($0) }
        guard numbers.count == distinct.count else { return distinct.sorted() }
        // 1 and 01 are two labels; without the text their order would change from run to run.
        return distinct.sorted { (Int($0)!, $0) < (Int($1)!, $1) }
    }

    /// Where a row was written, such as `train.csv:12`.
    public func place(of row: Int) -> String { "\(files[row]):\(lines[row])" }

    /// By files, then by lines: that a key is missing shows only at a file's end.
    private static func inOrder(_ errors: [InputError]) -> [InputError] {
        var order: [String?: Int] = [:]
        for error in errors where order[error.file] == nil { order[error.file] = order.count }
        func place(_ error: InputError) -> (Int, Int) { (order[error.file] ?? 0, error.line ?? 0) }
        return errors.sorted { place($0) < place($1) }
    }

    private static func list(_ classes: [String]) -> String {
        classes.count <= 8 ? classes.joined(separator: ", ") : "\(classes.prefix(8).joined(separator: ", ")), …"
    }

    private static func capped(_ errors: [InputError], file: String) -> [InputError] {
        guard errors.count > 20 else { return errors }
        return errors.prefix(20) + [InputError(file: file, problem: "and \(errors.count - 20) more rows like these")]
    }
}
