import Files

/// Checks a text that comes window by window, and hands its whole records on: UTF-8, perhaps with a byte order mark.
struct TextWindows {
    /// A record must fit into so many bytes, so that memory stays bounded.
    static let longestRecord = 16 << 20
    private static let usualSize = 1 << 20

    private let file: String
    private var reader: any RecordReader
    private var isStart = true
    /// Bytes at the start of the next window that are known to be UTF-8.
    private var checked = 0
    /// How many bytes the next window must have, if there are so many.
    private(set) var size = Self.usualSize

    init(_ reader: any RecordReader, file: String) {
        self.reader = reader
        self.file = file
    }

    /// Takes the records of a window.
    ///
    /// - Parameters:
    ///   - window: what was not taken of the window before, and more.
    ///   - isLast: nothing follows.
    ///   - body: is given each record, and the byte of the window after its end.
    /// - Returns: the number of bytes taken; all, if the window is the last.
    /// - Throws: `InputError` when the text is empty, not UTF-8, or a record is too long; what `body` throws.
    mutating func take(
        _ window: UnsafeBufferPointer<UInt8>, isLast: Bool, _ body: (TextRecord, Int) throws -> Void
    ) throws -> Int {
        let mark = try isStart ? markLength(window) : 0
        isStart = false
        let bytes = UnsafeBufferPointer(rebasing: window[mark...])
        checked = try validLength(bytes, isLast: isLast)
        let whole = UnsafeBufferPointer(rebasing: bytes[..<checked])
        let taken = try reader.take(from: whole, isLast: isLast) { try body($0, mark + $1) }
        checked -= taken
        guard taken == 0 else {
            size = Self.usualSize
            return mark + taken
        }
        guard isLast || window.count < Self.longestRecord else {
            throw InputError(
                file: file, line: reader.line, problem: "has a record of more than \(Self.longestRecord >> 20) MiB",
                remedy: "if no text is that long, a quote is never closed, or the lines end in a carriage return alone")
        }
        size = min(2 * max(size, window.count), Self.longestRecord)
        return mark
    }

    /// Reports what only the end of the text shows.
    func finish() {
        reader.finish()
    }

    /// The length of the byte order mark.
    private func markLength(_ bytes: UnsafeBufferPointer<UInt8>) throws -> Int {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw InputError(file: file, line: 1, problem: "is UTF-16", remedy: "convert the file to UTF-8")
        }
        let mark = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        guard bytes.count > mark else {
            throw InputError(file: file, problem: "is empty", remedy: "check that the file was written completely")
        }
        return mark
    }

    /// How many bytes are whole UTF-8 characters; fewer than all only where the window cuts one.
    private func validLength(_ bytes: UnsafeBufferPointer<UInt8>, isLast: Bool) throws -> Int {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: UnsafeBufferPointer(rebasing: bytes[checked...]).span)
            return bytes.count
        } catch {
            let start = checked + error.byteOffsets.lowerBound
            let isCut = error.kind == .truncatedScalar && checked + error.byteOffsets.upperBound == bytes.count
            if isCut, !isLast { return start }
            let line = reader.line + bytes[..<start].count { $0 == UInt8(ascii: "\n") }
            throw InputError(
                file: file, line: line, problem: "is not valid UTF-8 (byte 0x\(String(bytes[start], radix: 16)))",
                remedy: "convert the file to UTF-8")
        }
    }
}
