/// A regular expression of the kind that tokenizers split texts with, matched as Oniguruma matches it: at each place the first
/// alternative that fits, every repetition as long as it can be.
///
/// Groups are multiplied out, so that a pattern is a list of alternatives, each a row of repeated scalar sets and negative
/// look-aheads. Nothing in it is repeated inside of a repetition. `PatternSearch` keeps the time in bounds.
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
    private func matchEnd(
        in text: UnsafeBufferPointer<UInt8>, at start: Int, _ search: inout PatternSearch
    ) -> Int? {
        var mask = candidates[Int(min(text[start], 128))]
        while mask != 0 {
            let index = mask.trailingZeroBitCount
            mask &= mask - 1
            let end = alternatives[index].withUnsafeBufferPointer {
                search.match($0, alternative: index, at: start)
            }
            if let end, end > start { return end }
        }
        return nil
    }

    /// Calls `body` with the ranges that cover `range` in order, and whether each is a match.
    func forEachPart(
        of text: UnsafeBufferPointer<UInt8>, in range: Range<Int>, _ body: (Range<Int>, _ isMatch: Bool) -> Void
    ) {
        // To a pattern, the range is the whole text.
        let text = UnsafeBufferPointer(rebasing: text[range])
        let first = range.lowerBound
        var search = PatternSearch(text)
        var (position, unmatched) = (0, 0)
        while position < text.count {
            guard let end = matchEnd(in: text, at: position, &search) else {
                repeat { position += 1 } while position < text.count && text[position] & 0xC0 == 0x80
                continue
            }
            if unmatched < position { body(first + unmatched..<first + position, false) }
            body(first + position..<first + end, true)
            (position, unmatched) = (end, end)
        }
        if unmatched < text.count { body(first + unmatched..<first + text.count, false) }
    }
}
