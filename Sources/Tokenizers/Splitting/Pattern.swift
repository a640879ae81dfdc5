/// A regular expression of the kind that tokenizers split texts with, matched as Oniguruma matches it: at each place the first
/// alternative that fits, every repetition as long as it can be.
///
/// Groups are multiplied out, so that a pattern is a list of alternatives, each a row of repeated scalar sets and negative
/// look-aheads. Nothing in it is repeated inside of a repetition: time stays polynomial for any pattern.
struct Pattern: Sendable {
    /// A scalar out of `set`, `minimum` to `maximum` times; or, where `isLookahead`, no scalar out of `set` next.
    struct Term: Sendable, Equatable {
        var set: ScalarSet
        var minimum = 1
        var maximum = 1
        var isLookahead = false
    }

    let source: String
    private let alternatives: [[Term]]
    /// For each ASCII byte, the alternatives that may begin with it; and at 128 those that may begin above ASCII.
    private let candidates: [UInt64]

    static let maximumAlternatives = 64

    init(source: String, alternatives: [[Term]]) {
        precondition(alternatives.count <= Self.maximumAlternatives, "\(alternatives.count) alternatives")
        self.source = source
        self.alternatives = alternatives
        candidates = (0...128).map { byte in
            alternatives.enumerated().reduce(0) { mask, item in
                Self.mayBegin(item.element, with: byte) ? mask | 1 << UInt64(item.offset) : mask
            }
        }
    }

    /// A pattern that matches exactly one scalar of `set`.
    init(set: ScalarSet) { self.init(source: "", alternatives: [[Term(set: set)]]) }

    /// A pattern that matches exactly `text`.
    init(literal text: String) {
        let terms = text.unicodeScalars.map { scalar in
            var set = ScalarSet()
            set.insert(scalar.value...scalar.value)
            return Term(set: set)
        }
        self.init(source: text, alternatives: [terms])
    }

    /// Whether a match of `terms` can begin with an ASCII byte (or, for 128, with anything else).
    private static func mayBegin(_ terms: [Term], with byte: Int) -> Bool {
        for term in terms where !term.isLookahead {
            if byte == 128 || term.set.contains(ascii: UInt8(byte)) { return true }
            if term.minimum > 0 { return false }
        }
        return false
    }

    /// The end of the match that begins at `start`; nil when there is none, or only an empty one.
    func matchEnd(in text: UnsafeBufferPointer<UInt8>, at start: Int) -> Int? {
        var mask = candidates[Int(min(text[start], 128))]
        while mask != 0 {
            let index = mask.trailingZeroBitCount
            mask &= mask - 1
            let end = alternatives[index].withUnsafeBufferPointer { Self.match($0, from: 0, in: text, at: start) }
            if let end, end > start { return end }
        }
        return nil
    }

    /// The end of a match of the terms from `index` on.
    private static func match(
        _ terms: UnsafeBufferPointer<Term>, from index: Int, in text: UnsafeBufferPointer<UInt8>, at start: Int
    ) -> Int? {
        guard index < terms.count else { return start }
        let term = terms[index]
        if term.isLookahead {
            return term.set.match(text, at: start) == nil
                ? match(terms, from: index + 1, in: text, at: start) : nil
        }
        var position = start
        var count = 0
        while count < term.maximum, let length = term.set.match(text, at: position) {
            position += length
            count += 1
        }
        while count >= term.minimum {
            if let end = match(terms, from: index + 1, in: text, at: position) { return end }
            guard count > term.minimum else { return nil }
            repeat { position -= 1 } while text[position] & 0xC0 == 0x80
            count -= 1
        }
        return nil
    }

    /// Calls `body` with the ranges that cover `range` in order, and whether each is a match.
    func forEachPart(
        of text: UnsafeBufferPointer<UInt8>, in range: Range<Int>, _ body: (Range<Int>, _ isMatch: Bool) -> Void
    ) {
        // Looks no further than the range: to a pattern, the range is the whole text.
        let text = UnsafeBufferPointer(rebasing: text[..<range.upperBound])
        var (position, unmatched) = (range.lowerBound, range.lowerBound)
        while position < range.upperBound {
            guard let end = matchEnd(in: text, at: position) else {
                repeat { position += 1 } while position < range.upperBound && text[position] & 0xC0 == 0x80
                continue
            }
            if unmatched < position { body(unmatched..<position, false) }
            body(position..<end, true)
            (position, unmatched) = (end, end)
        }
        if unmatched < range.upperBound { body(unmatched..<range.upperBound, false) }
    }
}
