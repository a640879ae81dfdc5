import Files
import Foundation

extension TextRecords {
    /// Some texts of an address, and how far reading has come.
    public struct Batch: Sendable {
        public let texts: [String]
        /// The bytes of the files read so far.
        public let bytesRead: Int
    }

    /// Calls `body` with the texts of one column, about `size` bytes at a time. Memory does not grow with the size of the
    /// files.
    ///
    /// - Throws: as `forEach`, when the first batch with a problem is full or the files end.
    public static func forEachBatch(
        of address: DataAddress, column: String, size: Int = 8 << 20, _ body: (Batch) throws -> Void
    ) throws {
        var scan = TextScan(address, columns: [column])
        let problems = scan.problems
        var texts: [String] = []
        var (bytes, bytesRead) = (0, 0)
        try scan.run { record, position in
            texts.append(record.fields[0])
            bytes += record.fields[0].utf8.count + 1
            bytesRead = position
            guard bytes >= size else { return }
            try problems.throwIfAny()
            try body(Batch(texts: texts, bytesRead: bytesRead))
            texts.removeAll(keepingCapacity: true)
            bytes = 0
        }
        try problems.throwIfAny()
        if !texts.isEmpty { try body(Batch(texts: texts, bytesRead: bytesRead)) }
    }
}
