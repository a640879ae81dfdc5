import Files
import Formats

/// The token rows of a soft-target file: in memory while they are few, else read from the file as they are asked for.
final class StoredTokens {
    /// Of all rows.
    let count: Int
    private let offsets: [Int64]
    private let dataset: HDF5Dataset
    private let memory: [Int32]?

    /// - Parameters:
    ///   - offsets: where each row begins, and where the last one ends.
    ///   - limit: rows that take more bytes are refused.
    ///   - room: bytes that tokens may still take in memory; what these take is subtracted.
    /// - Throws: `InputError` for offsets that do not rise from 0 to the number of tokens.
    init(offsets: [Int64], in file: HDF5File, limit: Int, room: inout Int) throws {
        dataset = try file.dataset(SoftTargetFile.tokens, shape: [nil])
        count = dataset.shape[0]
        let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Int32>.size)
        guard !overflow, bytes <= limit else {
            throw InputError(
                file: file.name, field: SoftTargetFile.tokens,
                problem: "the \(count) tokens take more memory than they may; the limit is \(limit) bytes")
        }
        guard offsets.first == 0, Int(offsets[offsets.count - 1]) == count,
            zip(offsets, offsets.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            throw InputError(
                file: file.name, field: SoftTargetFile.offsets, problem: "the offsets do not rise from 0 to \(count)")
        }
        self.offsets = offsets
        guard bytes <= room else {
            memory = nil
            return
        }
        memory = try dataset.read(Int32.self, byteLimit: bytes)
        room -= bytes
    }

    var rows: Int { offsets.count - 1 }

    /// The positions of a row.
    func positions(_ row: Int) -> Range<Int> {
        Int(offsets[row])..<Int(offsets[row + 1])
    }

    /// - Throws: `InputError` where the file cannot be read.
    subscript(row: Int) -> [Int32] {
        get throws {
            if let memory { return Array(memory[positions(row)]) }
            return try dataset.readRows([positions(row)], filling: 0)
        }
    }
}

/// Rows of recordings, which need not lie in memory.
struct RecordedRows: TokenRows, @unchecked Sendable {
    // Reading waits for the library's lock; nothing else is shared.
    private let parts: [SoftTargetPart]
    private let places: [(part: Int, row: Int)]

    init(_ parts: [SoftTargetPart], _ places: [(part: Int, row: Int)]) {
        self.parts = parts
        self.places = places
    }

    var count: Int { places.count }

    func length(_ row: Int) -> Int { parts[places[row].part].tokens.positions(places[row].row).count }

    func tokens(_ row: Int) throws -> [Int32] { try parts[places[row].part].tokens[places[row].row] }
}
