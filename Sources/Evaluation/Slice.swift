public import Files

/// Some of the rows, looked at by themselves: those with one value in a column, or a quarter of them by length.
public struct Slice: Sendable, Equatable {
    /// The column, or `length`.
    public let column: String
    /// As it stands in the column; of lengths `1–40 characters`.
    public let value: String
    /// Ascending; none where many rows have one and the same length.
    public let rows: [Int]

    public init(column: String, value: String, rows: [Int]) {
        self.column = column
        self.value = value
        self.rows = rows
    }

    /// What stands for the column of the slices by length.
    public static let lengthColumn = "length"

    /// A column with as many values as this or fewer can be sliced by.
    public static let mostValues = 100

    /// A slice for each value of a column, in the order of the values.
    ///
    /// - Throws: `InputError` for more than `mostValues` values.
    public static func by(column: String, values: [String]) throws(InputError) -> [Slice] {
        var rows: [String: [Int]] = [:]
        for (row, value) in values.enumerated() { rows[value, default: []].append(row) }
        guard rows.count <= mostValues else {
            throw InputError(
                field: column, problem: "has \(rows.count) values; slices are made of at most \(mostValues)",
                remedy: "name a column with few values, such as a language or a source")
        }
        return rows.keys.sorted().map { Slice(column: column, value: $0, rows: rows[$0]!) }
    }

    /// The rows in four parts by the length of their texts in characters; rows of one length stay together.
    public static func byLength(_ texts: [String]) -> [Slice] {
        let lengths = texts.map(\.count)
        let sorted = lengths.map(Double.init).sorted()
        guard !sorted.isEmpty else { return [] }
        let bounds = [0.25, 0.5, 0.75, 1].map { Quantile.linear(sorted, $0) }
        var parts = [[Int]](repeating: [], count: 4)
        for (row, length) in lengths.enumerated() {
            parts[bounds.firstIndex { Double(length) <= $0 } ?? 3].append(row)
        }
        return parts.enumerated().map { part, rows in
            let range = rows.map { lengths[$0] }
            let span =
                range.min().flatMap { low in range.max().map { low == $0 ? "\(low)" : "\(low)–\($0)" } }
                .map { "\($0) character\($0 == "1" ? "" : "s")" } ?? "no row"
            return Slice(column: lengthColumn, value: "quarter \(part + 1): \(span)", rows: rows)
        }
    }
}
