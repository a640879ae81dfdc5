import Files

/// A value in a JSON file: where it stands, and by which keys it was reached. It is read only when asked for, so that a
/// vocabulary of a million tokens is never a million small objects.
///
/// Foundation's decoder is not used because its dictionaries take canonically equivalent keys (é as one scalar and as
/// two) for the same; a vocabulary may hold both.
struct JSONNode {
    private let document: JSONDocument
    private let start: Int
    private let parent: String
    private let key: String

    /// The root of a file, or the text of the value that `key` names in one.
    ///
    /// - Throws: `InputError` when the whole is not one well-formed JSON value.
    init(_ bytes: [UInt8], file: String?, key: String = "") throws {
        document = JSONDocument(bytes: bytes, file: file)
        start = 0
        parent = ""
        self.key = key
        let end = try scan { scanner throws(JSONFault) in
            try scanner.skipValue()
            return scanner.position
        }
        guard bytes[end...].allSatisfy({ [0x20, 0x09, 0x0A, 0x0D].contains($0) }) else {
            throw error("goes on after its end", at: end)
        }
    }

    private init(_ document: JSONDocument, start: Int, parent: String, key: String) {
        self.document = document
        self.start = start
        self.parent = parent
        self.key = key
    }

    var file: String? { document.file }

    /// The keys that lead here: `model.vocab`.
    var path: String { parent.isEmpty ? key : "\(parent).\(key)" }

    /// An error about this value.
    func error(_ problem: String, remedy: String = "write the file again with the tool that made it") -> InputError {
        InputError(file: document.file, field: path.isEmpty ? nil : path, problem: problem, remedy: remedy)
    }

    private func error(_ problem: String, at position: Int) -> InputError {
        var error = error("is not valid JSON: \(problem)")
        error.line = document.bytes.prefix(position).count(where: { $0 == UInt8(ascii: "\n") }) + 1
        return error
    }

    private func scan<Result>(_ body: (inout JSONScanner) throws(JSONFault) -> Result) throws -> Result {
        try document.bytes.withUnsafeBufferPointer { bytes in
            var scanner = JSONScanner(bytes: bytes, position: start)
            do throws(JSONFault) {
                return try body(&scanner)
            } catch {
                throw self.error(error.problem, at: error.position)
            }
        }
    }

    private var firstByte: UInt8 {
        get throws { try scan { scanner throws(JSONFault) in try scanner.peek() } }
    }

    var isNull: Bool { get throws { try firstByte == UInt8(ascii: "n") } }
    var isString: Bool { get throws { try firstByte == UInt8(ascii: "\"") } }
    var isArray: Bool { get throws { try firstByte == UInt8(ascii: "[") } }

    func string() throws -> String {
        guard try isString else { throw error("is not a string") }
        return try scan { scanner throws(JSONFault) in try scanner.string() }
    }

    func boolean() throws -> Bool {
        switch try word() {
        case "true": true
        case "false": false
        default: throw error("is not true or false")
        }
    }

    func integer() throws -> Int {
        guard let value = Int(try word()) else { throw error("is not a whole number") }
        return value
    }

    /// The number as the reference reads it, which is not always the nearest.
    func number() throws -> Double {
        guard let value = ScoreText.value(of: try word()[...].utf8) else {
            throw error("is not a number that a float of 64 bits can hold")
        }
        return value
    }

    private func word() throws -> String {
        guard ![UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\"")].contains(try firstByte) else { return "" }
        return String(try scan { scanner throws(JSONFault) in Substring(try scanner.skipWord()) })
    }

    /// Calls `body` with each key and value of an object, in the order of the file.
    func forEachMember(_ body: (String, JSONNode) throws -> Void) throws {
        guard try firstByte == UInt8(ascii: "{") else { throw error("is not an object") }
        let path = path
        var next = try scan { scanner throws(JSONFault) in
            try scanner.open(UInt8(ascii: "{"), UInt8(ascii: "}")) ? scanner.position : nil
        }
        while let place = next {
            let (key, value) = try JSONNode(document, start: place, parent: parent, key: self.key).scan {
                scanner throws(JSONFault) in
                let key = try scanner.string()
                try scanner.expect(UInt8(ascii: ":"))
                return (key, scanner.position)
            }
            let node = JSONNode(document, start: value, parent: path, key: key)
            try body(key, node)
            next = try node.next(before: UInt8(ascii: "}"))
        }
    }

    /// Calls `body` with each element of an array.
    func forEachElement(_ body: (JSONNode) throws -> Void) throws {
        guard try isArray else { throw error("is not an array") }
        let path = path
        var index = 0
        var next = try scan { scanner throws(JSONFault) in
            try scanner.open(UInt8(ascii: "["), UInt8(ascii: "]")) ? scanner.position : nil
        }
        while let place = next {
            let node = JSONNode(document, start: place, parent: path, key: String(index))
            try body(node)
            next = try node.next(before: UInt8(ascii: "]"))
            index += 1
        }
    }

    /// Where the value after this one starts, in a list that `closing` ends; nil at its end.
    private func next(before closing: UInt8) throws -> Int? {
        try scan { scanner throws(JSONFault) in
            try scanner.skipValue()
            return try scanner.another(before: closing) ? scanner.position : nil
        }
    }

    func elements() throws -> [JSONNode] {
        var elements: [JSONNode] = []
        try forEachElement { elements.append($0) }
        return elements
    }

    /// The JSON text of the value without blanks between its parts.
    func compactText() throws -> String {
        try scan { scanner throws(JSONFault) in
            var text: [UInt8] = []
            _ = try scanner.peek()
            let first = scanner.position
            try scanner.skipValue()
            var inner = JSONScanner(bytes: scanner.bytes, position: first)
            while inner.position < scanner.position {
                let place = inner.position
                switch scanner.bytes[place] {
                case UInt8(ascii: "\""):
                    try inner.skipString()
                    text += scanner.bytes[place..<inner.position]
                case 0x20, 0x09, 0x0A, 0x0D: inner.position += 1
                default:
                    text.append(scanner.bytes[place])
                    inner.position += 1
                }
            }
            return String(decoding: text, as: UTF8.self)
        }
    }
}

private final class JSONDocument: Sendable {
    let bytes: [UInt8]
    let file: String?

    init(bytes: [UInt8], file: String?) {
        self.bytes = bytes
        self.file = file
    }
}
