import Files
public import Foundation

/// One record of a text file.
public struct TextRecord: Sendable, Equatable {
    /// The line on which the record starts, counted from 1.
    public let line: Int
    /// Its values, in the order of the table's columns.
    public let fields: [String]
}

/// The columns that were asked for, of every record of a file.
public struct TextTable: Sendable, Equatable {
    public let file: String
    public let columns: [String]
    public let records: [TextRecord]
}

/// Reads records from csv, tsv, jsonl and txt files.
///
/// | name ends in | a record is | its columns |
/// |---|---|---|
/// | `.csv`, `.tsv` | a row (RFC 4180: quotes, `""`, line ends inside quotes; LF or CRLF); empty lines are skipped | named by the first row |
/// | `.jsonl`, `.ndjson` | an object on a line; empty lines are skipped | its keys; numbers, true and false become their text |
/// | `.txt` | a line, also an empty one | `text` |
///
/// Text is UTF-8, with or without a byte order mark.
public enum TextRecords {
    /// Reads the columns `needed` of all records, in the order asked for; other columns are passed over.
    ///
    /// - Throws: `InputError` when the file cannot be read, is empty, is not UTF-8 or is of another kind;
    ///   `InputErrors` with every structural problem and its line: the first 20, then how many more there are.
    public static func read(_ url: URL, columns needed: [String]) throws -> TextTable {
        let file = url.path
        let kind = try kind(of: url)
        let content: Data
        do {
            content = try Data(contentsOf: url)
        } catch {
            throw InputError(file: file, problem: "cannot be read", remedy: "check the path and its permissions")
        }
        var problems = ProblemList(file: file)
        var records: [TextRecord] = []
        try content.withUnsafeBytes { raw in
            let bytes = try text(in: raw, file: file)
            forEach(in: bytes, kind, columns: needed, &problems) { record, _, _ in records.append(record) }
        }
        if records.isEmpty, problems.isEmpty { problems.addNoRecords() }
        try problems.throwIfAny()
        return TextTable(file: file, columns: needed, records: records)
    }

    /// What the name of a file says that it holds.
    static func kind(of url: URL) throws -> String {
        let kind = url.pathExtension.lowercased()
        guard ["csv", "tsv", "jsonl", "ndjson", "txt"].contains(kind) else {
            throw InputError(
                file: url.path, problem: "is of an unknown kind",
                remedy: "name it .csv, .tsv, .jsonl or .txt, as its content is")
        }
        return kind
    }

    /// Calls `body` with each record, the byte after its end, and what is wrong with the file so far.
    static func forEach(
        in bytes: UnsafeBufferPointer<UInt8>, _ kind: String, columns needed: [String], _ problems: inout ProblemList,
        _ body: (TextRecord, Int, borrowing ProblemList) throws -> Void
    ) rethrows {
        switch kind {
        case "csv":
            try DelimitedText.forEach(in: bytes, delimiter: UInt8(ascii: ","), columns: needed, &problems, body)
        case "tsv":
            try DelimitedText.forEach(in: bytes, delimiter: UInt8(ascii: "\t"), columns: needed, &problems, body)
        case "txt": try forEachLine(in: bytes, columns: needed, &problems, body)
        default: try JSONLines.forEach(in: bytes, columns: needed, &problems, body)
        }
    }

    /// The bytes after a byte order mark, once they are known to be UTF-8.
    static func text(in raw: UnsafeRawBufferPointer, file: String) throws -> UnsafeBufferPointer<UInt8> {
        let all = raw.bindMemory(to: UInt8.self)
        if all.starts(with: [0xFF, 0xFE]) || all.starts(with: [0xFE, 0xFF]) {
            throw InputError(file: file, line: 1, problem: "is UTF-16", remedy: "convert the file to UTF-8")
        }
        let bytes = UnsafeBufferPointer(rebasing: all.dropFirst(all.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0))
        guard !bytes.isEmpty else {
            throw InputError(file: file, problem: "is empty", remedy: "check that the file was written completely")
        }
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            let start = error.byteOffsets.lowerBound
            let line = bytes[..<start].count(where: { $0 == UInt8(ascii: "\n") }) + 1
            throw InputError(
                file: file, line: line, problem: "is not valid UTF-8 (byte 0x\(String(bytes[start], radix: 16)))",
                remedy: "convert the file to UTF-8")
        }
        return bytes
    }

    private static func forEachLine(
        in bytes: UnsafeBufferPointer<UInt8>, columns needed: [String], _ problems: inout ProblemList,
        _ body: (TextRecord, Int, borrowing ProblemList) throws -> Void
    ) rethrows {
        for name in needed where name != "text" {
            problems.add(
                line: 1, field: name, problem: "there is no such column; a .txt file has one, `text`",
                remedy: "use a .csv, .tsv or .jsonl file for several columns")
        }
        try forEachLine(of: bytes) { line, content, end in
            let text = String(decoding: content, as: UTF8.self)
            try body(TextRecord(line: line, fields: needed.map { _ in text }), end, problems)
        }
    }

    /// Calls `body` with each line's number, its bytes without LF or CRLF, and the byte after its end. A last line may lack
    /// its end.
    static func forEachLine(
        of bytes: UnsafeBufferPointer<UInt8>, _ body: (Int, UnsafeBufferPointer<UInt8>, Int) throws -> Void
    ) rethrows {
        var line = 0
        var start = 0
        while start < bytes.count {
            line += 1
            let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
            let isCRLF = end > start && end < bytes.count && bytes[end - 1] == UInt8(ascii: "\r")
            let content = UnsafeBufferPointer(rebasing: bytes[start..<(isCRLF ? end - 1 : end)])
            start = end + 1
            try body(line, content, min(start, bytes.count))
        }
    }
}

/// What is wrong with one file: the first problems in full, and the number of the others.
struct ProblemList {
    static let shown = 20

    private let file: String
    private var errors: [InputError] = []
    private var hidden = 0

    init(file: String) {
        self.file = file
    }

    var isEmpty: Bool { errors.isEmpty }

    mutating func add(line: Int? = nil, field: String? = nil, problem: String, remedy: String? = nil) {
        if errors.count < Self.shown {
            errors.append(InputError(file: file, line: line, field: field, problem: problem, remedy: remedy))
        } else {
            hidden += 1
        }
    }

    mutating func addNoRecords() {
        add(problem: "holds no records", remedy: "check that the file was written completely")
    }

    /// Reports that `name` is in no record, with the nearest of the names that are.
    mutating func addMissing(_ name: String, line: Int?, among present: [String]) {
        let known =
            present.isEmpty ? "there are none" : "there are " + present.map { "`\($0)`" }.joined(separator: ", ")
        add(
            line: line, field: name, problem: "there is no such column; \(known)",
            remedy: nearestName(to: name, among: present).map { "did you mean `\($0)`?" }
                ?? "name one of the file's columns")
    }

    func throwIfAny() throws {
        guard !errors.isEmpty else { return }
        let rest = hidden > 0 ? [InputError(file: file, problem: "and \(hidden) more problems")] : []
        throw InputErrors(errors + rest)
    }
}
