public import Files
import Foundation

/// One record of a text file.
public struct TextRecord: Sendable, Equatable {
    /// The file, or the archive and its entry as `ARCHIVE:ENTRY`.
    public let file: String
    /// The line on which the record starts, counted from 1.
    public let line: Int
    /// Its values, in the order of the columns asked for.
    public let fields: [String]
    /// The places among `fields` of the columns that it lacks; those are empty.
    public var lacking: [Int] = []

    /// Whether it is a line of running text, of a `.txt` file.
    public var isLine: Bool {
        if case .text(.txt, _) = Container(name: file) { true } else { false }
    }
}

/// The columns that were asked for, of every record of an address.
public struct TextTable: Sendable, Equatable {
    public let columns: [String]
    public let records: [TextRecord]
}

/// Reads records from csv, tsv, jsonl and txt files, also compressed ones and entries of archives, none of which is unpacked
/// to the disk.
///
/// | name ends in | a record is | its columns |
/// |---|---|---|
/// | `.csv`, `.tsv` | a row (RFC 4180: quotes, `""`, line ends inside quotes; LF or CRLF); empty lines are skipped | named by the first row |
/// | `.jsonl`, `.ndjson` | an object on a line; empty lines are skipped | its keys; numbers, true and false become their text |
/// | `.txt` | a line, also an empty one | `text` |
///
/// Each of these may end in `.gz`, `.bz2`, `.xz` or `.zst` too, and lie in a `.zip`, in a `.tar`, or in a compressed `.tar`.
/// Text is UTF-8, with or without a byte order mark; a record is at most 16 MiB long.
public enum TextRecords {
    /// How many files, and entries of archives, were read.
    public struct Extent: Sendable, Equatable {
        public var files = 0
        public var entries = 0
    }

    /// Reads the columns `needed` of all records, in the order asked for; other columns are passed over.
    ///
    /// - Throws: as `forEach`.
    public static func read(_ address: String, columns needed: [String]) throws -> TextTable {
        var records: [TextRecord] = []
        try forEach(in: DataAddress(address), columns: needed) { records.append($0) }
        return TextTable(columns: needed, records: records)
    }

    /// Calls `body` with the columns `needed` of each record. Memory holds a record and a buffer, whatever the size of the files.
    ///
    /// - Parameters:
    ///   - optional: those of the columns that records may lack, or have as null: see `TextRecord.lacking`.
    ///   - limit: ends after so many records, those left out included, and does not judge what follows.
    ///   - unpacking: how much compressed files may unpack to.
    ///   - leavingOut: is given what is wrong with a record that is left out; nil leaves none out.
    /// - Throws: `InputError` when a file or an entry cannot be read, is empty, damaged, hostile, not UTF-8 or of another
    ///   kind; `InputErrors` with every structural problem and its line: the first 20, then how many more there are; what
    ///   `body` throws.
    @discardableResult
    public static func forEach(
        in address: DataAddress, columns needed: [String], optional: Set<String> = [], limit: Int? = nil,
        unpacking: UnpackingLimits = .usual, leavingOut: ((InputError) -> Void)? = nil,
        _ body: (TextRecord) throws -> Void
    ) throws -> Extent {
        struct Enough: Error {}
        var scan = TextScan(
            address, columns: needed, optional: optional, unpacking: unpacking, leavingOut: leavingOut)
        let problems = scan.problems
        var count = 0
        do {
            try scan.run { record, _ in
                guard count + problems.leftOut < limit ?? .max else { throw Enough() }
                try body(record)
                count += 1
                if count == limit { throw Enough() }
            }
        } catch is Enough {}
        try problems.throwIfAny()
        return scan.extent
    }
}
