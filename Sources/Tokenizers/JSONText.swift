import Files
import Foundation

/// Reading and writing the parts of JSON for which Foundation does not keep what a vocabulary needs.
///
/// Foundation decodes an object into a dictionary keyed by `String`, which takes canonically equivalent keys (é as one
/// scalar and as two) for the same. A vocabulary may hold both, so its entries are read from the bytes.
struct JSONText {
    private let bytes: [UInt8]
    private var position = 0
    private let file: String

    /// - Parameter bytes: JSON that Foundation has accepted. What is odd all the same throws, and never traps.
    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    /// A string in double quotes, with only the escapes that JSON demands.
    static func quote(_ text: String) -> String {
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

    /// The entries of the object of integers that the object keys in `path` lead to, in the order of the file.
    mutating func integers(at path: [String]) throws -> [(key: String, value: Int32)] {
        position = 0
        for key in path { try enterObject(key) }
        try expect(UInt8(ascii: "{"))
        var entries: [(key: String, value: Int32)] = []
        if next() == UInt8(ascii: "}") { return entries }
        repeat {
            let key = try string()
            try expect(UInt8(ascii: ":"))
            entries.append((key, try integer()))
        } while try another()
        return entries
    }

    /// Moves to the value of `key` in the object that starts here.
    private mutating func enterObject(_ key: String) throws {
        try expect(UInt8(ascii: "{"))
        repeat {
            let found = try string()
            try expect(UInt8(ascii: ":"))
            if found == key { return }
            try skipValue()
        } while try another()
        throw failure("has no `\(key)`")
    }

    /// Passes the comma before another member, or the brace that ends the object.
    private mutating func another() throws -> Bool {
        let separator = next()
        guard separator == UInt8(ascii: ",") || separator == UInt8(ascii: "}") else {
            throw failure("is not valid JSON: `,` or `}` expected")
        }
        position += 1
        return separator == UInt8(ascii: ",")
    }

    private mutating func skipValue() throws {
        var depth = 0
        while let byte = next() {
            switch byte {
            case UInt8(ascii: "\""): _ = try string()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                position += 1
            case UInt8(ascii: "}") where depth > 0, UInt8(ascii: "]") where depth > 0:
                depth -= 1
                position += 1
            case UInt8(ascii: ",") where depth > 0, UInt8(ascii: ":") where depth > 0: position += 1
            default: skipLiteral()
            }
            if depth == 0 { return }
        }
        throw failure("ends inside a value")
    }

    /// Numbers, true, false and null: everything up to the next structural byte or blank.
    private mutating func skipLiteral() {
        repeat { position += 1 } while position < bytes.count && !" \t\r\n,:]}\"[{".utf8.contains(bytes[position])
    }

    private mutating func string() throws -> String {
        try expect(UInt8(ascii: "\""))
        let start = position
        var isEscaped = false
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            let step = bytes[position] == UInt8(ascii: "\\") ? 2 : 1
            if step == 2 { isEscaped = true }
            position += step
        }
        guard position < bytes.count else { throw failure("ends inside a string") }
        position += 1
        guard isEscaped else { return String(decoding: bytes[start..<position - 1], as: UTF8.self) }
        do {
            return try JSONDecoder().decode(String.self, from: Foundation.Data(bytes[start - 1..<position]))
        } catch {
            throw failure("has a string with an invalid escape")
        }
    }

    private mutating func integer() throws -> Int32 {
        _ = next()
        let start = position
        skipLiteral()
        guard let value = Int32(String(decoding: bytes[start..<min(position, bytes.count)], as: UTF8.self)) else {
            throw failure("has a token id that is not an integer")
        }
        return value
    }

    private mutating func expect(_ byte: UInt8) throws {
        guard next() == byte else { throw failure("is not as expected: `\(Unicode.Scalar(byte))` belongs there") }
        position += 1
    }

    /// The next byte that is not blank, without passing it.
    private mutating func next() -> UInt8? {
        while position < bytes.count, " \t\r\n".utf8.contains(bytes[position]) { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    private func failure(_ problem: String) -> InputError {
        InputError(
            file: file, line: bytes.prefix(position).count(where: { $0 == UInt8(ascii: "\n") }) + 1, problem: problem,
            remedy: "write the file again with the tool that made it")
    }
}
