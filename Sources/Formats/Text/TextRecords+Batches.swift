import Files
public import Foundation

extension TextRecords {
    /// Some texts of a file, and how far reading has come.
    public struct Batch: Sendable {
        public let texts: [String]
        /// The bytes of the file read so far.
        public let bytesRead: Int
        /// The bytes of the whole file.
        public let bytes: Int
    }

    /// Calls `body` with the texts of one column, about `size` bytes at a time. The file is mapped, not loaded: memory does
    /// not grow with its size.
    ///
    /// - Throws: what `read` throws, when the first batch with a problem is full or the file ends; what `body` throws.
    public static func forEachBatch(
        of url: URL, column: String, size: Int = 8 << 20, _ body: (Batch) throws -> Void
    ) throws {
        let file = url.path
        let kind = try kind(of: url)
        let content = try MappedFile.data(at: url)
        var problems = ProblemList(file: file)
        var texts: [String] = []
        var (start, count) = (0, 0)
        try content.withUnsafeBytes { raw in
            let bytes = try text(in: raw, file: file)
            try forEach(in: bytes, kind, columns: [column], &problems) { record, end, problems in
                texts.append(record.fields[0])
                count += 1
                guard end - start >= size else { return }
                try problems.throwIfAny()
                try body(Batch(texts: texts, bytesRead: end, bytes: bytes.count))
                texts.removeAll(keepingCapacity: true)
                start = end
            }
            if count == 0, problems.isEmpty { problems.addNoRecords() }
            try problems.throwIfAny()
            if !texts.isEmpty { try body(Batch(texts: texts, bytesRead: bytes.count, bytes: bytes.count)) }
        }
    }
}
