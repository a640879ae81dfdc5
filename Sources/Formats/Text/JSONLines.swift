import Foundation

/// One JSON object per line (JSON as RFC 8259 says).
struct JSONLines: RecordReader {
    private(set) var line = 1
    private let file: String
    private let needed: [String]
    /// Of each column, whether an object may lack it.
    private let isOptional: [Bool]
    private let problems: ProblemList
    private var objects = 0
    /// Of each column, the lines whose object lacks it.
    private var missing: [[Int]]
    /// The keys of the first object.
    private var keys: [String] = []

    init(columns needed: [String], optional: Set<String>, file: String, problems: ProblemList) {
        self.file = file
        self.needed = needed
        isOptional = needed.map(optional.contains)
        self.problems = problems
        missing = needed.map { _ in [] }
    }

    mutating func take(
        from bytes: UnsafeBufferPointer<UInt8>, isLast: Bool, _ body: (TextRecord, Int) throws -> Void
    ) throws -> Int {
        var place = LinePlace(line: line)
        defer { line = place.line }
        while let content = place.next(in: bytes, isLast: isLast) {
            guard !content.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else { continue }
            let number = place.line - 1
            var fields: [String?] = Array(repeating: nil, count: needed.count)
            do throws(JSONLineError) {
                try read(content, into: &fields)
            } catch {
                problems.add([.init(line: number, problem: error.problem, remedy: "write one JSON object per line")])
                continue
            }
            objects += 1
            let lacking = fields.indices.filter { fields[$0] == nil }
            for column in lacking where !isOptional[column] { missing[column].append(number) }
            guard lacking.allSatisfy({ isOptional[$0] }) else { continue }
            try body(
                TextRecord(file: file, line: number, fields: fields.map { $0 ?? "" }, lacking: lacking), place.end)
        }
        return place.end
    }

    private mutating func read(
        _ content: UnsafeBufferPointer<UInt8>, into fields: inout [String?]
    ) throws(JSONLineError) {
        if objects == 0 { keys = [] }
        var parser = JSONLineParser(bytes: content)
        try parser.object { (key, parser) throws(JSONLineError) in
            if objects == 0 { keys.append(key) }
            guard let column = needed.firstIndex(of: key) else { return try parser.skipValue(depth: 1) }
            guard fields[column] == nil else { throw JSONLineError("has the key `\(key)` twice") }
            if isOptional[column], parser.next() == UInt8(ascii: "n") { return try parser.skipValue(depth: 1) }
            fields[column] = try parser.scalar(key)
        }
    }

    /// Reports missing keys: a column that no object has, and the lines that lack one that others have.
    func finish() {
        var absent: Set<Int> = []
        for (name, lines) in zip(needed, missing) where !lines.isEmpty {
            if lines.count == objects {
                problems.addMissing(name, line: nil, among: keys)
            } else {
                for line in lines where problems.leavesNothingOut || absent.insert(line).inserted {
                    problems.add([
                        .init(line: line, field: name, problem: "the object lacks this key", remedy: "add it")
                    ])
                }
            }
        }
    }
}

struct JSONLineError: Error {
    let problem: String

    init(_ problem: String) {
        self.problem = problem
    }
}

/// Reads one JSON text of valid UTF-8, and keeps numbers as they are written.
struct JSONLineParser {
    /// Deeper nesting is refused, so that a hostile line cannot exhaust the stack.
    private static let maximumDepth = 128

    let bytes: UnsafeBufferPointer<UInt8>
    private(set) var position = 0

    init(bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    /// Reads the object that is the whole text; `member` must pass the value of each key.
    mutating func object(
        _ member: (String, inout JSONLineParser) throws(JSONLineError) -> Void
    ) throws(JSONLineError) {
        guard next() == UInt8(ascii: "{") else { throw JSONLineError("is not a JSON object") }
        try members(member)
        guard next() == nil else { throw invalid("text after the object") }
    }

    /// A string, number, true or false, as text.
    mutating func scalar(_ key: String) throws(JSONLineError) -> String {
        let first = next()
        guard first != UInt8(ascii: "\"") else { return try string() }
        let start = position
        try skipValue(depth: 1)
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard first != UInt8(ascii: "{"), first != UInt8(ascii: "["), text != "null" else {
            throw JSONLineError(
                "has \(text == "null" ? "null" : "a nested value") as `\(key)`; text, a number, true or false is expected"
            )
        }
        return text
    }

    mutating func skipValue(depth: Int) throws(JSONLineError) {
        guard depth < Self.maximumDepth else { throw invalid("nested deeper than \(Self.maximumDepth)") }
        switch next() {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "{"):
            try members { (_, parser) throws(JSONLineError) in try parser.skipValue(depth: depth + 1) }
        case UInt8(ascii: "["): try elements(depth: depth)
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        default: try number()
        }
    }

    mutating func members(
        _ member: (String, inout JSONLineParser) throws(JSONLineError) -> Void
    ) throws(JSONLineError) {
        position += 1
        if pass("}") { return }
        repeat {
            guard next() == UInt8(ascii: "\"") else { throw invalid("a key in double quotes expected") }
            let key = try string()
            guard pass(":") else { throw invalid("`:` expected") }
            try member(key, &self)
        } while pass(",")
        guard pass("}") else { throw invalid("`,` or `}` expected") }
    }

    private mutating func elements(depth: Int) throws(JSONLineError) {
        position += 1
        if pass("]") { return }
        repeat { try skipValue(depth: depth + 1) } while pass(",")
        guard pass("]") else { throw invalid("`,` or `]` expected") }
    }

    /// The string whose opening quote is next.
    mutating func string() throws(JSONLineError) -> String {
        let start = position
        position += 1
        var isEscaped = false
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            guard bytes[position] >= 0x20 else { throw invalid("a control character inside a string") }
            if bytes[position] == UInt8(ascii: "\\") {
                isEscaped = true
                position += 1
            }
            position += 1
        }
        guard position < bytes.count else {
            position = bytes.count
            throw invalid("a string that is not closed")
        }
        position += 1
        guard isEscaped else { return String(decoding: bytes[start + 1..<position - 1], as: UTF8.self) }
        do {
            return try JSONDecoder().decode(String.self, from: Foundation.Data(bytes[start..<position]))
        } catch {
            throw invalid("a string with an invalid escape")
        }
    }

    mutating func number() throws(JSONLineError) {
        let start = position
        _ = pass("-")
        let whole = digits()
        guard whole.count == 1 || (whole.count > 1 && bytes[whole.lowerBound] != UInt8(ascii: "0")) else {
            position = start
            throw invalid("a value expected")
        }
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            guard !digits().isEmpty else { throw invalid("a digit expected") }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < bytes.count, "+-".utf8.contains(bytes[position]) { position += 1 }
            guard !digits().isEmpty else { throw invalid("a digit expected") }
        }
    }

    private mutating func digits() -> Range<Int> {
        let start = position
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
        return start..<position
    }

    private mutating func literal(_ word: StaticString) throws(JSONLineError) {
        let end = position + word.utf8CodeUnitCount
        let expected = UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount)
        guard end <= bytes.count, bytes[position..<end].elementsEqual(expected) else {
            throw invalid("a value expected")
        }
        position = end
    }

    mutating func pass(_ character: Unicode.Scalar) -> Bool {
        guard next() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// The next byte that is not blank, without passing it.
    mutating func next() -> UInt8? {
        while position < bytes.count, [0x20, 0x09, 0x0D].contains(bytes[position]) { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    func invalid(_ what: String) -> JSONLineError {
        JSONLineError("is not valid JSON at byte \(position + 1) of the line: \(what)")
    }
}
