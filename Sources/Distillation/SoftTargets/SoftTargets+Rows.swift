import Files

extension SoftTargets {
    /// The token rows that there are targets for, in the order of the file, each once.
    ///
    /// - Parameter limit: takes so many from the beginning.
    /// - Throws: `InputError` where a row is shorter or longer than asked for.
    public func tokenRows(from least: Int, to most: Int, limit: Int? = nil) throws -> any TokenRows {
        let rows = distinctRows(limit: limit)
        if let length = (0..<rows.count).lazy.map(rows.length).first(where: { !(least...most).contains($0) }) {
            throw InputError(
                file: name, field: SoftTargetFile.tokens,
                problem: "a row of \(length) tokens; expected \(least) to \(most)",
                remedy: length > most
                    ? "raise data.max_length, or record the targets with a smaller --max-length"
                    : "leave the row out; a single token predicts nothing")
        }
        return rows
    }

    /// The rows that are found, in the order of the file.
    func distinctRows(limit: Int? = nil) -> RecordedRows {
        let places = parts.enumerated().lazy.flatMap { part, file in
            file.hashes.enumerated().lazy.filter { row, hash in
                self.place[hash].map { $0.part == part && $0.row == row } ?? false
            }.map { (part: part, row: $0.offset) }
        }
        return RecordedRows(parts, Array(places.prefix(limit ?? .max)))
    }
}
