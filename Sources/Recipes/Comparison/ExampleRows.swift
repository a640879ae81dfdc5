import Evaluation
import Files
public import Formats
import Foundation

/// The examples that models are compared on: a text each, and what other columns say of it.
public struct ExampleRows: Sendable {
    /// The address as it was written.
    public let file: String
    public private(set) var texts: [String] = []
    /// What is expected: a class, a number or a text; nil where there is no such column.
    public private(set) var labels: [String]?
    /// Names of the rows, unique: of the id column, else their numbers from 1.
    public private(set) var ids: [String] = []
    /// Whether the ids stand in a column.
    public let hasIDs: Bool
    /// Other columns that were asked for, by name.
    public private(set) var columns: [String: [String]] = [:]
    /// Where each row stands, such as `test.csv:12`.
    public private(set) var places: [String] = []

    public var count: Int { texts.count }

    /// Which columns to read.
    public struct Columns: Sendable {
        public var text: String
        public var label: String?
        public var labels = Presence.everywhere
        /// nil takes `id`, if there is one.
        public var id: String?
        public var others: [String] = []
        /// Read where they are there, and empty elsewhere.
        public var optional: [String] = []

        /// Which rows have a column. In tables the header tells; of JSON Lines each object may have other keys.
        public enum Presence: Sendable {
            case everywhere
            /// All rows, or none.
            case everywhereOrNowhere
            /// At least one; empty in others.
            case somewhere
            /// Any, or none; empty in others.
            case anywhere
        }

        public init(text: String, label: String?, id: String? = nil, others: [String] = []) {
            self.text = text
            self.label = label
            self.id = id
            self.others = others
        }
    }

    /// Reads the rows of an address (see `DataAddress`).
    ///
    /// - Throws: `InputErrors` with every row that cannot be used and every id that stands twice, the first twenty in words.
    public init(reading address: DataAddress, _ columns: Columns) throws {
        file = address.text
        let maySkipLabels = columns.labels != .everywhere
        let required =
            [columns.text] + [maySkipLabels ? nil : columns.label, columns.id].compactMap { $0 } + columns.others
        let optional =
            (maySkipLabels ? [columns.label].compactMap { $0 } : []) + (columns.id == nil ? ["id"] : [])
            + columns.optional
        let names = (required + optional).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        var records: [TextRecord] = []
        try TextRecords.forEach(in: address, columns: names, optional: Set(optional).subtracting(required)) {
            records.append($0)
        }
        var place = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        var bad: [InputError] = []
        for name in optional {
            guard let slot = place[name] else { continue }
            let without = records.filter { $0.lacking.contains(slot) }
            if without.count == records.count {
                if name == columns.label, columns.labels == .somewhere {
                    // Refused with the nearest of the names that are there.
                    try TextRecords.forEach(in: address, columns: [name]) { _ in }
                }
                place[name] = nil
            } else if name == "id" || (name == columns.label && columns.labels == .everywhereOrNowhere) {
                bad += without.map {
                    InputError(
                        file: $0.file, line: $0.line, field: name, problem: "the row lacks it, and others have it",
                        remedy: "give it to every row, or to none")
                }
            }
        }
        guard bad.isEmpty else { throw InputErrors(Self.capped(bad, file: file)) }
        let id = columns.id ?? (place["id"] == nil ? nil : "id")
        hasIDs = id != nil
        let label = columns.label.flatMap { place[$0] }
        if label != nil { labels = [] }
        let kept = Set(columns.others + columns.optional).filter { place[$0] != nil }
        for name in kept { self.columns[name] = [] }
        var seen: [String: String] = [:]
        for record in records {
            func refuse(_ field: String, _ problem: String, _ remedy: String) {
                bad.append(
                    InputError(file: record.file, line: record.line, field: field, problem: problem, remedy: remedy))
            }
            if record.fields[0].allSatisfy(\.isWhitespace) {
                refuse(columns.text, "the row has no text", "fill it in or delete the row")
                continue
            }
            let name = id.map { record.fields[place[$0]!] } ?? "\(texts.count + bad.count + 1)"
            if name.isEmpty {
                refuse(id ?? "id", "the row has no id", "give every row an id of its own")
                continue
            }
            let here = "\(record.file):\(record.line)"
            if let earlier = seen.updateValue(here, forKey: name) {
                refuse(
                    id ?? "id", "\"\(name.prefix(80))\" is also the id of \(earlier)", "give every row an id of its own"
                )
                continue
            }
            texts.append(record.fields[0])
            ids.append(name)
            places.append(here)
            if let label { labels?.append(record.fields[label].trimmingCharacters(in: .whitespaces)) }
            for name in kept { self.columns[name]?.append(record.fields[place[name]!]) }
        }
        guard bad.isEmpty else { throw InputErrors(Self.capped(bad, file: file)) }
    }

    static func capped(_ errors: [InputError], file: String) -> [InputError] {
        guard errors.count > 20 else { return errors }
        return errors.prefix(20) + [InputError(file: file, problem: "and \(errors.count - 20) more like these")]
    }

    /// The labels as numbers.
    ///
    /// - Throws: `InputErrors` with the rows whose label is none.
    func numbers(_ column: String) throws -> [Double] {
        let labels = labels ?? []
        let bad = labels.indices.filter { !(abs(Double(labels[$0]) ?? .nan) <= 1e15) }.map {
            InputError(
                file: places[$0], field: column,
                problem: "found '\(labels[$0].prefix(40))', expected a number, up to 1e15",
                remedy: "write it as 0.5 or -3, or delete the row")
        }
        guard bad.isEmpty else { throw InputErrors(Self.capped(bad, file: file)) }
        return labels.map { Double($0)! }
    }

    /// The rows by what stands in them, so that the order of the file changes no result.
    var order: [Int] {
        texts.indices.sorted {
            (texts[$0], labels?[$0] ?? "", ids[$0]) < (texts[$1], labels?[$1] ?? "", ids[$1])
        }
    }

    /// The slices of the columns with these names, and of the lengths of the texts.
    ///
    /// - Throws: `InputError` for a column with too many values, or with the name of the slices by length.
    func slices(_ names: [String]) throws -> [Slice] {
        if names.contains(Slice.lengthColumn) {
            throw InputError(
                file: file, field: Slice.lengthColumn, problem: "is what the slices by the texts' lengths are called",
                remedy: "give the column another name to slice by it")
        }
        return try sliced(names)
    }

    private func sliced(_ names: [String]) throws -> [Slice] {
        try names.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }.flatMap {
            try Slice.by(column: $0, values: columns[$0] ?? [])
        } + Slice.byLength(texts)
    }
}
