/// Comma- or tab-separated rows, quoted as RFC 4180 says.
///
/// A quote inside an unquoted field is an ordinary character, as most readers take it. Rows that end in LF and CRLF
/// may be mixed. A quoted field may hold line ends; lines are counted by LF, as editors do.
struct DelimitedText {
    /// Calls `body` with the columns `needed` of every row after the header, the byte after the row, and the problems so far;
    /// reports what is wrong to `problems`.
    static func forEach(
        in bytes: UnsafeBufferPointer<UInt8>, delimiter: UInt8, columns needed: [String],
        _ problems: inout ProblemList, _ body: (TextRecord, Int, borrowing ProblemList) throws -> Void
    ) rethrows {
        var reader = DelimitedText(bytes: bytes, delimiter: delimiter)
        let header = reader.nextRow(keeping: nil, &problems)
        guard let header else {
            if problems.isEmpty {
                problems.add(problem: "has no header row", remedy: "name the columns in the first row")
            }
            return
        }
        for (index, name) in header.fields.enumerated() where header.fields[..<index].contains(name) {
            problems.add(
                line: header.line, field: name, problem: "two columns have this name", remedy: "rename one of them")
        }
        for name in needed where !header.fields.contains(name) {
            problems.addMissing(name, line: header.line, among: header.fields)
        }
        let positions = needed.map { header.fields.firstIndex(of: $0) }
        var slots: [[Int]] = Array(repeating: [], count: header.count)
        for (slot, position) in positions.enumerated() {
            if let position { slots[position].append(slot) }
        }
        let wanted = Selection(slots: slots, count: needed.count)
        while let row = reader.nextRow(keeping: wanted, &problems) {
            if row.count == header.count {
                try body(TextRecord(line: row.line, fields: row.fields), reader.position, problems)
            } else {
                problems.add(
                    line: row.line, problem: "has \(row.count) fields; the header has \(header.count)",
                    remedy: "put fields that hold the delimiter in double quotes")
            }
        }
    }

    /// Where the field of each column goes among the values of a record.
    private struct Selection {
        let slots: [[Int]]
        let count: Int
    }

    private struct Row {
        var line: Int
        var fields: [String]
        /// All fields of the row, also those not kept.
        var count: Int
    }

    private struct Field {
        var range: Range<Int>
        /// Whether the range holds quotes written twice.
        var hasDoubledQuotes = false
    }

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    private let bytes: UnsafeBufferPointer<UInt8>
    private let delimiter: UInt8
    private var position = 0
    private var line = 1

    private init(bytes: UnsafeBufferPointer<UInt8>, delimiter: UInt8) {
        self.bytes = bytes
        self.delimiter = delimiter
    }

    /// The next row that is not empty; nil at the end, and after a quote that nothing closes. nil keeps every field.
    private mutating func nextRow(keeping selection: Selection?, _ problems: inout ProblemList) -> Row? {
        while passLineEnd() {}
        guard position < bytes.count else { return nil }
        var row = Row(line: line, fields: Array(repeating: "", count: selection?.count ?? 0), count: 0)
        while let field = nextField(&problems) {
            if let selection {
                if row.count < selection.slots.count {
                    for slot in selection.slots[row.count] { row.fields[slot] = text(of: field) }
                }
            } else {
                row.fields.append(text(of: field))
            }
            row.count += 1
            if position == bytes.count || passLineEnd() { return row }
            position += 1  // the delimiter
        }
        return nil
    }

    /// Passes LF or CRLF, if that is what comes next.
    private mutating func passLineEnd() -> Bool {
        guard let length = lineEndLength(at: position) else { return false }
        position += length
        line += 1
        return true
    }

    private func lineEndLength(at place: Int) -> Int? {
        guard place < bytes.count else { return nil }
        if bytes[place] == Self.lineFeed { return 1 }
        let isCRLF = bytes[place] == Self.carriageReturn && place + 1 < bytes.count && bytes[place + 1] == Self.lineFeed
        return isCRLF ? 2 : nil
    }

    /// The field that starts here, possibly empty; ends before a delimiter, a line end or the end of the file.
    private mutating func nextField(_ problems: inout ProblemList) -> Field? {
        guard position < bytes.count, bytes[position] == Self.quote else {
            let start = position
            passUnquoted(&problems)
            return Field(range: start..<position)
        }
        let opened = line
        position += 1
        var field = Field(range: position..<position)
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == Self.lineFeed { line += 1 }
            guard byte == Self.quote else { continue }
            if position < bytes.count, bytes[position] == Self.quote {
                field.hasDoubledQuotes = true
                position += 1
                continue
            }
            field.range = field.range.lowerBound..<position - 1
            if position < bytes.count, bytes[position] != delimiter, lineEndLength(at: position) == nil {
                problems.add(
                    line: line, problem: "has text after a closing quote",
                    remedy: "write a quote inside a quoted field twice")
                passUnquoted(&problems)
            }
            return field
        }
        problems.add(
            line: opened, problem: "has a quote that is never closed",
            remedy: "close it, or write a quote inside a quoted field twice")
        return nil
    }

    private mutating func passUnquoted(_ problems: inout ProblemList) {
        while position < bytes.count, bytes[position] != delimiter, lineEndLength(at: position) == nil {
            if bytes[position] == Self.carriageReturn {
                problems.add(
                    line: line, problem: "has a carriage return that no line feed follows",
                    remedy: "end lines with LF or CRLF, and put fields that hold a carriage return in double quotes")
            }
            position += 1
        }
    }

    private func text(of field: Field) -> String {
        let content = bytes[field.range]
        guard field.hasDoubledQuotes else { return String(decoding: content, as: UTF8.self) }
        var single: [UInt8] = []
        single.reserveCapacity(content.count)
        var isSecondQuote = false
        for byte in content {
            isSecondQuote = byte == Self.quote && !isSecondQuote
            if isSecondQuote || byte != Self.quote { single.append(byte) }
        }
        return String(decoding: single, as: UTF8.self)
    }
}
