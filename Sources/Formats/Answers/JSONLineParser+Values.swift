/// Values below the first object of a line; each names the key that it stands under.
extension JSONLineParser {
    /// Passes `null`, if it is next.
    mutating func passNull() -> Bool {
        guard next() == UInt8(ascii: "n") else { return false }
        var ahead = self
        guard (try? ahead.skipValue(depth: 1)) != nil else { return false }
        self = ahead
        return true
    }

    /// An object; `member` must pass the value of each key.
    mutating func object(
        _ key: String, _ member: (String, inout JSONLineParser) throws(JSONLineError) -> Void
    ) throws(JSONLineError) {
        guard next() == UInt8(ascii: "{") else { throw JSONLineError("has no object as `\(key)`") }
        try members(member)
    }

    /// An array; `element` must pass each element.
    mutating func forEachElement(
        _ key: String, _ element: (Int, inout JSONLineParser) throws(JSONLineError) -> Void
    ) throws(JSONLineError) {
        guard pass("[") else { throw JSONLineError("has no array as `\(key)`") }
        if pass("]") { return }
        var index = 0
        repeat {
            try element(index, &self)
            index += 1
        } while pass(",")
        guard pass("]") else { throw invalid("`,` or `]` expected") }
    }

    /// A string.
    mutating func text(_ key: String) throws(JSONLineError) -> String {
        guard next() == UInt8(ascii: "\"") else { throw JSONLineError("has no text as `\(key)`") }
        return try string()
    }

    mutating func double(_ key: String) throws(JSONLineError) -> Double {
        let text = try word(key)
        guard let value = Double(text), !value.isNaN else { throw JSONLineError("has no number as `\(key)`") }
        return value
    }

    mutating func integer(_ key: String) throws(JSONLineError) -> Int {
        guard let value = Int(try word(key)) else { throw JSONLineError("has no whole number as `\(key)`") }
        return value
    }

    /// A number, as it is written.
    private mutating func word(_ key: String) throws(JSONLineError) -> String {
        guard let first = next(), first == UInt8(ascii: "-") || (0x30...0x39).contains(first) else {
            throw JSONLineError("has no number as `\(key)`")
        }
        let start = position
        try number()
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }
}
