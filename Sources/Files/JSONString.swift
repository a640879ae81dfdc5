/// Strings in JSON (RFC 8259, section 7), for readers and writers that go byte by byte.
public enum JSONString {
    /// A text in double quotes, with only the escapes that JSON demands.
    public static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// Reads the escape whose backslash is at `position`, and passes it. What lies beyond U+FFFF is two escapes, a pair of
    /// surrogates, that are read as one.
    ///
    /// - Throws: `JSONFault` where it is cut, of no known kind, or half of a pair.
    public static func escape(
        in bytes: UnsafeRawBufferPointer, at position: inout Int
    ) throws(JSONFault) -> Unicode.Scalar {
        let start = position
        guard start + 1 < bytes.count else { throw JSONFault("a string does not end", at: start) }
        position += 2
        switch bytes[start + 1] {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let first = try unit(in: bytes, at: &position)
            if let scalar = Unicode.Scalar(first) { return scalar }
            if first < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            {
                position += 2
                let second = try unit(in: bytes, at: &position)
                if (0xDC00..<0xE000).contains(second),
                    let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
                {
                    return scalar
                }
            }
            throw JSONFault("a string has half a surrogate pair", at: start)
        default: throw JSONFault("a string has an unknown escape", at: start)
        }
    }

    /// Four hexadecimal digits.
    private static func unit(
        in bytes: UnsafeRawBufferPointer, at position: inout Int
    ) throws(JSONFault) -> UInt16 {
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw JSONFault("four hexadecimal digits expected", at: position)
            }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }
}

/// What is wrong with a JSON text, and at which byte.
public struct JSONFault: Error {
    public let problem: String
    public let position: Int

    public init(_ problem: String, at position: Int) {
        self.problem = problem
        self.position = position
    }
}
