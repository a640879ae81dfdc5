public import Files
public import Formats
import Foundation

/// The rows of one split: texts with the names of their classes, and where each stands in its file.
public struct ClassificationRows: Sendable {
    public let rows: TextRows

    public var file: String { rows.file }
    public var texts: [String] { rows.texts }
    public var labels: [String] { rows.labels }
    public var lines: [Int] { rows.lines }
    public var files: [String] { rows.files }
    public var skipped: [InputError] { rows.skipped }
    public var extent: TextRecords.Extent { rows.extent }
    public var count: Int { rows.count }

    /// Where a row was written, such as `train.csv:12`.
    public func place(of row: Int) -> String { rows.place(of: row) }

    /// Reads the rows of an address, as `TextRows` does.
    ///
    /// - Parameter classes: the labels that may occur; nil takes every label.
    /// - Throws: `InputErrors` with every row that cannot be used, the first twenty in words.
    public init(
        reading address: DataAddress, text: String, label: String, classes: [String]? = nil, skipBadRows: Bool = false,
        limit: Int? = nil
    ) throws {
        let known = classes.map(Set.init)
        rows = try TextRows(
            reading: address, text: text, label: label, skipBadRows: skipBadRows, limit: limit,
            wanted: "a text and a known label"
        ) { name in
            guard let classes, let known, !known.contains(name) else { return nil }
            let nearest = nearestName(to: name, among: classes).map { "did you mean \($0)? " } ?? ""
            return (
                "unknown label \(name); the training rows have \(Self.list(classes))",
                nearest + "Mend the label, or set data.on_bad_row=skip"
            )
        }
    }

    /// The distinct labels: in numeric order where all are whole numbers, else sorted as text.
    public var classes: [String] {
        let distinct = Set(labels)
        let numbers = distinct.compactMap { Int($0) }
        guard numbers.count == distinct.count else { return distinct.sorted() }
        // 1 and 01 are two labels; without the text their order would change from run to run.
        return distinct.sorted { (Int($0)!, $0) < (Int($1)!, $1) }
    }

    private static func list(_ classes: [String]) -> String {
        classes.count <= 8 ? classes.joined(separator: ", ") : "\(classes.prefix(8).joined(separator: ", ")), …"
    }
}
