import Foundation

/// Reads the two forms of log-probabilities: a list of tokens with theirs (chat completions), or lists side by side (legacy
/// completions).
enum AnswerTokens {
    /// A token as it is written, before it is checked.
    struct Entry {
        var text: String?
        var bytes: [UInt8]?
        var logProbability: Double?
        var top: [Entry] = []
    }

    /// Servers round: a log-probability may be so little above 0, and the probabilities of a place sum to so little more than 1.
    private static let tolerance = 2e-3

    /// The value of `logprobs`.
    static func read(_ parser: inout JSONLineParser) throws(JSONLineError) -> [Entry]? {
        var content: [Entry]?
        var (texts, own, top): ([String], [Double?], [[Entry]]) = ([], [], [])
        try parser.object("logprobs") { (key, parser) throws(JSONLineError) in
            if parser.passNull() { return }
            switch key {
            case "content":
                var entries: [Entry] = []
                try parser.forEachElement(key) { (_, parser) throws(JSONLineError) in
                    entries.append(try entry(&parser, key))
                }
                content = entries
            case "tokens":
                try parser.forEachElement(key) { (_, parser) throws(JSONLineError) in
                    texts.append(try parser.text(key))
                }
            case "token_logprobs":
                try parser.forEachElement(key) { (_, parser) throws(JSONLineError) in
                    own.append(parser.passNull() ? nil : try parser.double(key))
                }
            case "top_logprobs":
                try parser.forEachElement(key) { (_, parser) throws(JSONLineError) in
                    var entries: [Entry] = []
                    if !parser.passNull() {
                        try parser.object(key) { (text, parser) throws(JSONLineError) in
                            entries.append(Entry(text: text, logProbability: try parser.double(key)))
                        }
                    }
                    top.append(entries)
                }
            default: try parser.skipValue(depth: 8)
            }
        }
        if let content { return content }
        if texts.isEmpty, own.isEmpty { return nil }
        guard texts.count == own.count, top.isEmpty || top.count == texts.count else {
            throw JSONLineError(
                "has \(texts.count) tokens, \(own.count) log-probabilities and \(top.count) top_logprobs in `logprobs`")
        }
        return texts.indices.map {
            Entry(text: texts[$0], logProbability: own[$0], top: top.isEmpty ? [] : top[$0])
                .withEscapedBytes
        }
    }

    /// A token of a chat completion, or one of its alternatives, which have none of their own.
    private static func entry(
        _ parser: inout JSONLineParser, _ name: String, isAlternative: Bool = false
    ) throws(JSONLineError) -> Entry {
        var result = Entry()
        try parser.object(name) { (key, parser) throws(JSONLineError) in
            if parser.passNull() { return }
            switch key {
            case "token": result.text = try parser.text(key)
            case "logprob": result.logProbability = try parser.double(key)
            case "bytes":
                var bytes: [UInt8] = []
                try parser.forEachElement(key) { (_, parser) throws(JSONLineError) in
                    guard let byte = UInt8(exactly: try parser.integer(key)) else {
                        throw JSONLineError("has a number outside of 0 to 255 in `bytes`")
                    }
                    bytes.append(byte)
                }
                result.bytes = bytes
            case "top_logprobs" where !isAlternative:
                var top: [Entry] = []
                try parser.forEachElement(key) { (_, parser) throws(JSONLineError) in
                    top.append(try entry(&parser, key, isAlternative: true))
                }
                result.top = top
            default: try parser.skipValue(depth: 16)
            }
        }
        return result
    }

    /// The checked tokens: each place's probabilities are some, and sum to at most 1.
    static func tokens(_ entries: [Entry]) throws(JSONLineError) -> [APIAnswer.Token] {
        var tokens: [APIAnswer.Token] = []
        tokens.reserveCapacity(entries.count)
        for (place, entry) in entries.enumerated() {
            let chosen = try candidate(entry, place)
            var candidates: [APIAnswer.Candidate] = []
            for other in entry.top { candidates.append(try candidate(other, place)) }
            // Two tokens may have the same text; the chosen one is among the others as the very same.
            if !candidates.contains(where: { $0.bytes == chosen.bytes && $0.text.utf8.elementsEqual(chosen.text.utf8) })
            {
                candidates.append(chosen)
            }
            let sum = candidates.reduce(0) { $0 + exp($1.logProbability) }
            guard sum <= 1 + tolerance else {
                throw JSONLineError("token \(place + 1): the probabilities sum to \(sum), more than 1")
            }
            tokens.append(APIAnswer.Token(chosen: chosen, candidates: candidates))
        }
        return tokens
    }

    private static func candidate(_ entry: Entry, _ place: Int) throws(JSONLineError) -> APIAnswer.Candidate {
        guard let text = entry.text else { throw JSONLineError("token \(place + 1) has no text") }
        guard let logProbability = entry.logProbability else {
            throw JSONLineError(
                "token \(place + 1) has no log-probability; prompts must not be echoed in the answer")
        }
        guard logProbability <= tolerance else {
            throw JSONLineError("token \(place + 1): the log-probability \(logProbability) is above 0")
        }
        let isWhole = !text.unicodeScalars.contains("\u{FFFD}")
        return APIAnswer.Candidate(
            text: text, bytes: entry.bytes ?? (isWhole ? Array(text.utf8) : nil), logProbability: min(0, logProbability)
        )
    }
}

extension AnswerTokens.Entry {
    /// Legacy completions write a token that is no whole characters as `bytes:\xe2\x80`.
    fileprivate var withEscapedBytes: Self {
        var entry = self
        entry.bytes = text.flatMap(Self.escapedBytes)
        entry.top = top.map { other in
            var other = other
            other.bytes = other.text.flatMap(Self.escapedBytes)
            return other
        }
        return entry
    }

    private static func escapedBytes(_ text: String) -> [UInt8]? {
        guard text.hasPrefix("bytes:"), text.contains("\\x") else { return nil }
        var bytes: [UInt8] = []
        var rest = text.utf8.dropFirst(6)
        while let first = rest.first {
            if first == UInt8(ascii: "\\"), rest.dropFirst().first == UInt8(ascii: "x"), rest.count >= 4,
                let byte = UInt8(String(decoding: rest.dropFirst(2).prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(byte)
                rest = rest.dropFirst(4)
            } else {
                bytes.append(first)
                rest = rest.dropFirst()
            }
        }
        return bytes
    }
}
