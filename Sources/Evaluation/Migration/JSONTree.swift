import Foundation

/// A JSON value (RFC 8259, to the letter); numbers as Double, which tells whole ones apart up to 2⁵³.
indirect enum JSONTree: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case text(String)
    case list([JSONTree])
    case object([String: JSONTree])

    /// Why a text is not read.
    enum Fault: String, Error {
        case notJSON = "is no JSON"
        case tooDeep = "is nested more than 200 deep"
    }

    /// Of equal keys the last counts.
    init(parsing text: String) throws(Fault) {
        var reader = JSONReader(bytes: Array(text.utf8))
        guard let tree = reader.document() else { throw reader.isTooDeep ? .tooDeep : .notJSON }
        self = tree
    }

    /// As JSON Schema names types; a whole number is an `integer` too.
    func isOf(type: String) -> Bool {
        switch self {
        case .null: type == "null"
        case .bool: type == "boolean"
        case .number(let number): type == "number" || type == "integer" && number == number.rounded()
        case .text: type == "string"
        case .list: type == "array"
        case .object: type == "object"
        }
    }
}

/// Reads one JSON text. Every method gives nil where the text is none.
private struct JSONReader {
    let bytes: [UInt8]
    private var position = 0
    private(set) var isTooDeep = false
    private static let mostDepth = 200

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() -> JSONTree? {
        guard let tree = value(depth: 0), next() == nil else { return nil }
        return tree
    }

    /// The next byte that is no blank, not taken.
    private mutating func next() -> UInt8? {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    private mutating func pass(_ character: Unicode.Scalar) -> Bool {
        guard next() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func value(depth: Int) -> JSONTree? {
        guard let first = next() else { return nil }
        guard depth < Self.mostDepth else {
            isTooDeep = true
            return nil
        }
        switch first {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return list(depth: depth)
        case UInt8(ascii: "\""): return string().map { .text($0) }
        case UInt8(ascii: "t"): return word("true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return word("false") ? .bool(false) : nil
        case UInt8(ascii: "n"): return word("null") ? .null : nil
        default: return number().map { .number($0) }
        }
    }

    private mutating func word(_ word: String) -> Bool {
        guard bytes[position...].starts(with: word.utf8) else { return false }
        position += word.utf8.count
        return true
    }

    private mutating func object(depth: Int) -> JSONTree? {
        position += 1
        var members: [String: JSONTree] = [:]
        if pass("}") { return .object(members) }
        repeat {
            guard next() == UInt8(ascii: "\""), let key = string(), pass(":"), let member = value(depth: depth + 1)
            else { return nil }
            members[key] = member
        } while pass(",")
        return pass("}") ? .object(members) : nil
    }

    private mutating func list(depth: Int) -> JSONTree? {
        position += 1
        var elements: [JSONTree] = []
        if pass("]") { return .list(elements) }
        repeat {
            guard let element = value(depth: depth + 1) else { return nil }
            elements.append(element)
        } while pass(",")
        return pass("]") ? .list(elements) : nil
    }

    /// The grammar finds the string's end; Foundation resolves its escapes.
    private mutating func string() -> String? {
        let start = position
        position += 1
        while position < bytes.count {
            let byte = bytes[position]
            if byte < 0x20 { return nil }
            position += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") {
                return try? JSONDecoder().decode(String.self, from: Data(bytes[start..<position]))
            }
        }
        return nil
    }

    private mutating func number() -> Double? {
        let start = position
        func isDigit() -> Bool { position < bytes.count && (0x30...0x39).contains(bytes[position]) }
        func take(_ characters: String) -> Bool {
            guard position < bytes.count, characters.utf8.contains(bytes[position]) else { return false }
            position += 1
            return true
        }
        func digits() -> Bool {
            guard isDigit() else { return false }
            while isDigit() { position += 1 }
            return true
        }
        _ = take("-")
        if !take("0"), !digits() { return nil }
        if take("."), !digits() { return nil }
        if take("eE") {
            _ = take("+-")
            if !digits() { return nil }
        }
        return Double(String(decoding: bytes[start..<position], as: UTF8.self))
    }
}
