/// Takes records from a text that comes window by window.
protocol RecordReader {
    /// The line on which the next window begins, counted from 1.
    var line: Int { get }

    /// Hands each whole record at the start of `bytes` to `body`, with the byte after its end.
    ///
    /// - Parameter isLast: nothing follows; a record that lacks its line end is whole.
    /// - Returns: how many bytes were taken; the next window begins after them. All of them if the window is the last.
    mutating func take(
        from bytes: UnsafeBufferPointer<UInt8>, isLast: Bool, _ body: (TextRecord, Int) throws -> Void
    ) throws -> Int

    /// Reports what only the end of the text shows.
    func finish()
}

extension RecordReader {
    func finish() {}
}

/// The lines of a txt file.
struct PlainLines: RecordReader {
    private(set) var line = 1
    private let file: String
    private let lacking: [Int]
    private let columns: Int

    init(columns needed: [String], optional: Set<String>, file: String, problems: ProblemList) {
        self.file = file
        columns = needed.count
        lacking = needed.indices.filter { needed[$0] != "text" && optional.contains(needed[$0]) }
        for name in needed where name != "text" && !optional.contains(name) {
            problems.add(
                line: 1, field: name, problem: "there is no such column; a .txt file has one, `text`",
                remedy: "use a .csv, .tsv or .jsonl file for several columns")
        }
    }

    mutating func take(
        from bytes: UnsafeBufferPointer<UInt8>, isLast: Bool, _ body: (TextRecord, Int) throws -> Void
    ) throws -> Int {
        var place = LinePlace(line: line)
        defer { line = place.line }
        while let content = place.next(in: bytes, isLast: isLast) {
            let text = String(decoding: content, as: UTF8.self)
            let fields = (0..<columns).map { lacking.contains($0) ? "" : text }
            try body(TextRecord(file: file, line: place.line - 1, fields: fields, lacking: lacking), place.end)
        }
        return place.end
    }
}

/// Walks the lines of a window.
struct LinePlace {
    /// The number of the line that comes next.
    var line: Int
    /// The byte after the line that came last.
    var end = 0

    init(line: Int) {
        self.line = line
    }

    /// The next line without LF or CRLF. Only the last line of the last window may lack its end.
    mutating func next(in bytes: UnsafeBufferPointer<UInt8>, isLast: Bool) -> UnsafeBufferPointer<UInt8>? {
        guard end < bytes.count else { return nil }
        let start = end
        let lineFeed = bytes[start...].firstIndex(of: UInt8(ascii: "\n"))
        guard lineFeed != nil || isLast else { return nil }
        let stop = lineFeed ?? bytes.count
        let isCRLF = lineFeed != nil && stop > start && bytes[stop - 1] == UInt8(ascii: "\r")
        line += 1
        end = lineFeed.map { $0 + 1 } ?? bytes.count
        return UnsafeBufferPointer(rebasing: bytes[start..<(isCRLF ? stop - 1 : stop)])
    }
}
