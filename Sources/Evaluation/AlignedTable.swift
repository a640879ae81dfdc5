/// Cells in columns for a terminal.
public enum AlignedTable {
    /// A line per row, each column as wide as its widest cell.
    ///
    /// - Parameter leading: how many columns are flush left; the others are flush right.
    public static func lines(_ rows: [[String]], leading: Int = 1) -> [String] {
        guard let first = rows.first else { return [] }
        let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - row[column].count)
                return column < leading ? row[column] + space : space + row[column]
            }.joined(separator: "  ")
        }
    }
}
