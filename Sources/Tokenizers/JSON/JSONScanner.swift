import Files

/// Walks over JSON (RFC 8259) byte by byte. What is not JSON throws a `JSONFault`; nothing traps.
struct JSONScanner {
    let bytes: UnsafeBufferPointer<UInt8>
    var position: Int

    /// Values may be nested this deep.
    static let maximumDepth = 64

    /// The next byte that is not blank, without passing it.
    mutating func peek() throws(JSONFault) -> UInt8 {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return bytes[position]
            }
        }
        throw JSONFault("ends too early", at: position)
    }

    mutating func expect(_ byte: UInt8) throws(JSONFault) {
        guard try peek() == byte else { throw JSONFault("`\(Unicode.Scalar(byte))` expected", at: position) }
        position += 1
    }

    /// Passes the comma before another element (true) or the byte that closes the list (false).
    mutating func another(before closing: UInt8) throws(JSONFault) -> Bool {
        let byte = try peek()
        guard byte == UInt8(ascii: ",") || byte == closing else {
            throw JSONFault("`,` or `\(Unicode.Scalar(closing))` expected", at: position)
        }
        position += 1
        return byte == UInt8(ascii: ",")
    }

    /// Passes the opening byte, and the closing one when nothing is between them; false if so.
    mutating func open(_ opening: UInt8, _ closing: UInt8) throws(JSONFault) -> Bool {
        try expect(opening)
        guard try peek() == closing else { return true }
        position += 1
        return false
    }

    /// Passes one value and checks that it is well formed.
    mutating func skipValue(depth: Int = 0) throws(JSONFault) {
        guard depth < Self.maximumDepth else { throw JSONFault("values are nested too deep", at: position) }
        switch try peek() {
        case UInt8(ascii: "{"):
            guard try open(UInt8(ascii: "{"), UInt8(ascii: "}")) else { return }
            repeat {
                try skipString()
                try expect(UInt8(ascii: ":"))
                try skipValue(depth: depth + 1)
            } while try another(before: UInt8(ascii: "}"))
        case UInt8(ascii: "["):
            guard try open(UInt8(ascii: "["), UInt8(ascii: "]")) else { return }
            repeat { try skipValue(depth: depth + 1) } while try another(before: UInt8(ascii: "]"))
        case UInt8(ascii: "\""): try skipString()
        default: try skipWord()
        }
    }

    /// Passes a string; true when it holds an escape.
    @discardableResult
    mutating func skipString() throws(JSONFault) -> Bool {
        try expect(UInt8(ascii: "\""))
        var isEscaped = false
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                position += 1
                return isEscaped
            case UInt8(ascii: "\\"):
                isEscaped = true
                position += 2
            case ..<0x20: throw JSONFault("a string holds a bare control character", at: position)
            default: position += 1
            }
        }
        throw JSONFault("ends inside a string", at: bytes.count)
    }

    /// Passes a number, `true`, `false` or `null`, and gives its text.
    @discardableResult
    mutating func skipWord() throws(JSONFault) -> Substring.UTF8View {
        _ = try peek()
        let start = position
        scan: while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "E"),
                UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                position += 1
            default: break scan
            }
        }
        let word = String(decoding: bytes[start..<position], as: UTF8.self)
        guard ["true", "false", "null"].contains(word) || Self.isNumber(word.utf8) else {
            throw JSONFault("a value expected", at: start)
        }
        return Substring(word).utf8
    }

    private static func isNumber(_ text: String.UTF8View) -> Bool {
        var digits = text.first == UInt8(ascii: "-") ? text.dropFirst() : text[...]
        func passDigits() -> Int {
            let run = digits.prefix { (0x30...0x39).contains($0) }
            digits = digits.dropFirst(run.count)
            return run.count
        }
        let leadsWithZero = digits.first == UInt8(ascii: "0")
        let whole = passDigits()
        guard whole > 0, !(leadsWithZero && whole > 1) else { return false }
        if digits.first == UInt8(ascii: ".") {
            digits = digits.dropFirst()
            guard passDigits() > 0 else { return false }
        }
        if digits.first == UInt8(ascii: "e") || digits.first == UInt8(ascii: "E") {
            digits = digits.dropFirst()
            if digits.first == UInt8(ascii: "+") || digits.first == UInt8(ascii: "-") { digits = digits.dropFirst() }
            guard passDigits() > 0 else { return false }
        }
        return digits.isEmpty
    }

    /// Reads a string. Only what is valid Unicode is one.
    mutating func string() throws(JSONFault) -> String {
        _ = try peek()
        let start = position + 1
        let isEscaped = try skipString()
        let content = bytes[start..<position - 1]
        guard isEscaped else {
            guard let text = String(validating: content, as: UTF8.self) else {
                throw JSONFault("a string is not valid UTF-8", at: start)
            }
            return text
        }
        var unescaped: [UInt8] = []
        unescaped.reserveCapacity(content.count)
        var index = start
        while index < content.endIndex {
            guard bytes[index] == UInt8(ascii: "\\") else {
                unescaped.append(bytes[index])
                index += 1
                continue
            }
            let scalar = try JSONString.escape(in: UnsafeRawBufferPointer(bytes), at: &index)
            unescaped.append(contentsOf: String(scalar).utf8)
        }
        guard let text = String(validating: unescaped, as: UTF8.self) else {
            throw JSONFault("a string is not valid UTF-8", at: start)
        }
        return text
    }
}
