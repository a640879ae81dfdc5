import Foundation

/// Records one after another, as TensorFlow's programs store them: a length (64 bits), its masked CRC-32C, the bytes,
/// and their masked CRC-32C; all numbers little-endian (tensorflow/core/lib/io/record_writer.h).
enum TFRecords {
    /// Bytes before and after those of a record.
    static let (head, tail) = (12, 4)

    static func record(_ bytes: Data) -> Data {
        var record = Data(capacity: head + bytes.count + tail)
        withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { record.append(contentsOf: $0) }
        append(CRC32C.masked(record), to: &record)
        record.append(bytes)
        append(CRC32C.masked(bytes), to: &record)
        return record
    }

    /// The place in `file` of the bytes of each record, up to the first one that is cut off or damaged.
    static func ranges(in file: Data) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var position = file.startIndex
        while file.endIndex - position >= head + tail {
            let length = file[position..<position + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let start = position + head
            guard checksum(in: file, at: position + 8) == CRC32C.masked(file[position..<position + 8]),
                length <= UInt64(file.endIndex - position - head - tail)
            else { break }
            let range = start..<start + Int(length)
            guard checksum(in: file, at: range.upperBound) == CRC32C.masked(file[range]) else { break }
            ranges.append(range)
            position = range.upperBound + tail
        }
        return ranges
    }

    private static func checksum(in file: Data, at position: Int) -> UInt32 {
        file[position..<position + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func append(_ value: UInt32, to data: inout Data) {
        withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
    }
}
