/// Comma- or tab-separated rows, quoted as RFC 4180 says.
///
/// A quote inside an unquoted field is an ordinary character, as most readers take it. Rows that end in LF and CRLF
/// may be mixed. A quoted field may hold line ends; lines are counted by LF, as editors do.
struct DelimitedText: RecordReader {
    /// Where the field of each column goes among the values of a record.
    private struct Selection {
        let slots: [[Int]]
        let count: Int
        /// The columns that the file does not have, and need not.
        let lacking: [Int]
    }

    private struct Row {
        var line: Int
        var fields: [String]
        /// All fields of the row, also those not kept.
        var count: Int
        var faults: [ProblemList.Fault] = []
    }

    private struct Field {
        var range: Range<Int>
        /// Whether the range holds quotes written twice.
        var hasDoubledQuotes = false
    }

    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")
    /// More than these of one row are not told: a row may be one of 16 MiB.
    private static let mostFaults = 100

    private(set) var line = 1
    private let delimiter: UInt8
    private let needed: [String]
    private let optional: Set<String>
    private let file: String
    private let problems: ProblemList
    /// Nil until the header was read.
    private var selection: Selection?
    private var bytes = UnsafeBufferPointer<UInt8>(start: nil, count: 0)
    private var isLast = false
    private var position = 0

    init(delimiter: UInt8, columns needed: [String], optional: Set<String>, file: String, problems: ProblemList) {
        self.delimiter = delimiter
        self.optional = optional
        self.needed = needed
        self.file = file
        self.problems = problems
    }

    mutating func take(
        from bytes: UnsafeBufferPointer<UInt8>, isLast: Bool, _ body: (TextRecord, Int) throws -> Void
    ) throws -> Int {
        self.bytes = bytes
        self.isLast = isLast
        position = 0
        if selection == nil {
            let before = problems.count
            guard let header = nextRow(keeping: nil) else {
                if isLast, problems.count == before {
                    problems.add(problem: "has no header row", remedy: "name the columns in the first row")
                }
                return position
            }
            selection = select(from: header)
        }
        guard let selection else { return position }
        while let row = nextRow(keeping: selection) {
            var faults = row.faults
            if row.count != selection.slots.count {
                faults.append(
                    .init(
                        line: row.line, problem: "has \(row.count) fields; the header has \(selection.slots.count)",
                        remedy: "put fields that hold the delimiter in double quotes"))
            }
            if faults.isEmpty {
                let record = TextRecord(file: file, line: row.line, fields: row.fields, lacking: selection.lacking)
                try body(record, position)
            } else {
                problems.add(faults)
            }
        }
        return position
    }

    /// Looks the columns up in the header, and reports those that are missing or named twice.
    private func select(from header: Row) -> Selection {
        for fault in header.faults { problems.add(line: fault.line, problem: fault.problem, remedy: fault.remedy) }
        var positions: [String: Int] = [:]
        for (index, name) in header.fields.enumerated() {
            guard positions[name] == nil else {
                problems.add(
                    line: header.line, field: name, problem: "two columns have this name", remedy: "rename one of them")
                continue
            }
            positions[name] = index
        }
        var slots: [[Int]] = Array(repeating: [], count: header.count)
        var lacking: [Int] = []
        for (slot, name) in needed.enumerated() {
            if let position = positions[name] {
                slots[position].append(slot)
            } else if optional.contains(name) {
                lacking.append(slot)
            } else {
                problems.addMissing(name, line: header.line, among: header.fields)
            }
        }
        return Selection(slots: slots, count: needed.count, lacking: lacking)
    }

    /// The next row that is not empty; nil where no whole row follows, and after a quote that nothing closes. nil keeps
    /// every field.
    private mutating func nextRow(keeping selection: Selection?) -> Row? {
        while passLineEnd() {}
        guard position < bytes.count else { return nil }
        let (start, startLine) = (position, line)
        var row = Row(line: line, fields: Array(repeating: "", count: selection?.count ?? 0), count: 0)
        while let field = nextField(&row.faults) {
            if let selection {
                if row.count < selection.slots.count {
                    for slot in selection.slots[row.count] { row.fields[slot] = text(of: field) }
                }
            } else {
                row.fields.append(text(of: field))
            }
            row.count += 1
            if passLineEnd() { return row }
            if position == bytes.count {
                if isLast { return row }
                break
            }
            position += 1  // the delimiter
        }
        if !isLast { (position, line) = (start, startLine) }
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
    private mutating func nextField(_ faults: inout [ProblemList.Fault]) -> Field? {
        guard position < bytes.count, bytes[position] == Self.quote else {
            let start = position
            passUnquoted(&faults)
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
                if faults.count < Self.mostFaults {
                    faults.append(
                        .init(
                            line: line, problem: "has text after a closing quote",
                            remedy: "write a quote inside a quoted field twice"))
                }
                passUnquoted(&faults)
            }
            return field
        }
        if isLast {
            problems.add(
                line: opened, problem: "has a quote that is never closed",
                remedy: "close it, or write a quote inside a quoted field twice")
        }
        return nil
    }

    private mutating func passUnquoted(_ faults: inout [ProblemList.Fault]) {
        while position < bytes.count, bytes[position] != delimiter, lineEndLength(at: position) == nil {
            if bytes[position] == Self.carriageReturn, faults.count < Self.mostFaults {
                faults.append(
                    .init(
                        line: line, problem: "has a carriage return that no line feed follows",
                        remedy: "end lines with LF or CRLF, and put fields that hold a carriage return in double quotes"
                    ))
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
