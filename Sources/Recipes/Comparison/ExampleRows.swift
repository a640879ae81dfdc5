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
        /// Whether rows may lack the label column.
        public var labelIsOptional = false
        /// nil takes `id`, if there is one.
        public var id: String?
        public var others: [String] = []
        /// Read where they are there.
        public var optional: [String] = []

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
        let required = [columns.text] + (columns.labelIsOptional ? [] : [columns.label].compactMap { $0 })
        let wanted = required + [columns.id].compactMap { $0 } + columns.others
        let optional =
            (columns.labelIsOptional ? [columns.label].compactMap { $0 } : []) + (columns.id == nil ? ["id"] : [])
            + columns.optional
        let names = try Self.present(address, wanted: wanted, optional: optional)
        let place = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let id = columns.id ?? (place["id"] == nil ? nil : "id")
        hasIDs = id != nil
        var bad: [InputError] = []
        var seen: [String: String] = [:]
        let label = columns.label.flatMap { place[$0] }
        if label != nil { labels = [] }
        let kept = (columns.others + columns.optional).filter { place[$0] != nil }
        for name in kept { self.columns[name] = [] }
        try TextRecords.forEach(in: address, columns: names) { record in
            func refuse(_ field: String, _ problem: String, _ remedy: String) {
                bad.append(
                    InputError(file: record.file, line: record.line, field: field, problem: problem, remedy: remedy))
            }
            if record.fields[0].allSatisfy(\.isWhitespace) {
                return refuse(columns.text, "the row has no text", "fill it in or delete the row")
            }
            let name = id.map { record.fields[place[$0]!] } ?? "\(texts.count + bad.count + 1)"
            if name.isEmpty { return refuse(id ?? "id", "the row has no id", "give every row an id of its own") }
            let here = "\(record.file):\(record.line)"
            if let earlier = seen.updateValue(here, forKey: name) {
                return refuse(
                    id ?? "id", "\"\(name.prefix(80))\" is also the id of \(earlier)", "give every row an id of its own"
                )
            }
            texts.append(record.fields[0])
            ids.append(name)
            places.append(here)
            if let label { labels?.append(record.fields[label].trimmingCharacters(in: .whitespaces)) }
            for name in kept { self.columns[name]?.append(record.fields[place[name]!]) }
        }
        guard bad.isEmpty else { throw InputErrors(Self.capped(bad, file: file)) }
    }

    /// The wanted columns, and those of the optional ones that every row has.
    private static func present(_ address: DataAddress, wanted: [String], optional: [String]) throws -> [String] {
        let found = optional.filter { name in
            // One record tells: columns are those of the header, or of all objects.
            (try? TextRecords.forEach(in: address, columns: [name], limit: 1) { _ in }) != nil
        }
        return (wanted + found).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
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
        let bad = labels.indices.filter { Double(labels[$0]).map(\.isFinite) != true }.map {
            InputError(
                file: places[$0], field: column, problem: "found '\(labels[$0].prefix(40))', expected a number",
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
    /// - Throws: `InputError` for a column with too many values.
    func slices(_ names: [String]) throws -> [Slice] {
        try names.flatMap { try Slice.by(column: $0, values: columns[$0] ?? []) } + Slice.byLength(texts)
    }
}
