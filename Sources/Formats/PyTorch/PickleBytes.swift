/// Where in a pickle's bytes the machine is. Every declared length is checked before it is used.
struct PickleBytes {
    private(set) var position = 0
    private let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// Bytes that follow.
    var left: Int { bytes.count - position }

    mutating func byte() throws -> UInt8 {
        guard position < bytes.count else { throw PickleFault("the pickle does not end: it is cut off") }
        position += 1
        return bytes[position - 1]
    }

    /// A little-endian integer.
    mutating func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
        _: Integer.Type
    ) throws -> Integer {
        let range = try slice(MemoryLayout<Integer>.size)
        return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: range.lowerBound, as: Integer.self))
    }

    func length(_ declared: some FixedWidthInteger) throws -> Int {
        guard let length = Int(exactly: declared), length >= 0 else {
            throw PickleFault("declares a length of \(declared) bytes")
        }
        return length
    }

    mutating func slice(_ length: Int) throws -> Range<Int> {
        guard length <= left else {
            throw PickleFault("declares \(length) bytes, \(left) are left")
        }
        position += length
        return position - length..<position
    }

    /// Little-endian two's complement of any length.
    func long(_ range: Range<Int>) -> PickleValue {
        guard range.count <= 8 else { return .longInteger(bytes: range.count) }
        var value: UInt64 = 0
        for (shift, byte) in bytes[range].enumerated() { value |= UInt64(byte) << UInt64(8 * shift) }
        let unused = UInt64(64 - 8 * range.count)
        return .integer(range.isEmpty ? 0 : Int(Int64(bitPattern: value << unused) >> Int64(unused)))
    }

    mutating func line() throws -> Range<Int> {
        let start = position
        while try byte() != UInt8(ascii: "\n") {}
        return start..<position - 1
    }

    /// The text as it can be printed: what is odd escaped, what is long cut.
    func shown(_ range: Range<Int>) -> String {
        let text = String(decoding: bytes[range.prefix(200)], as: UTF8.self)
        let escaped = text.unicodeScalars.map { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                || "._-<> ".unicodeScalars.contains(scalar)
                ? String(scalar) : scalar.escaped(asASCII: true)
        }.joined()
        return range.count > 200 ? escaped + "…" : escaped
    }
}
