/// A text and the ranges of it, in order, that pre-tokenizers have cut so far.
struct SplitText {
    var text: NormalizedText
    var ranges: [Range<Int>]

    init(_ text: NormalizedText) {
        self.text = text
        ranges = text.isEmpty ? [] : [0..<text.bytes.count]
    }

    /// What becomes of the matches of a pattern.
    enum Behavior: String {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// Cuts every range by a pattern; with `inverted`, what does not match takes the part of the matches.
    mutating func split(by pattern: Pattern, _ behavior: Behavior, inverted: Bool = false) {
        var cut: [Range<Int>] = []
        cut.reserveCapacity(text.bytes.count / 4 + 1)
        text.bytes.withUnsafeBufferPointer { bytes in
            for range in ranges {
                let first = cut.count
                var previousMatched = false
                pattern.forEachPart(of: bytes, in: range) { part, isMatch in
                    let isMatch = isMatch != inverted
                    defer { previousMatched = isMatch }
                    let joins =
                        switch behavior {
                        case .removed, .isolated: false
                        case .contiguous: isMatch == previousMatched
                        case .mergedWithPrevious: isMatch && !previousMatched
                        case .mergedWithNext: previousMatched && !isMatch
                        }
                    if behavior == .removed, isMatch { return }
                    if joins, cut.count > first {
                        cut[cut.count - 1] = cut[cut.count - 1].lowerBound..<part.upperBound
                    } else {
                        cut.append(part)
                    }
                }
            }
        }
        ranges = cut
    }

    /// Rewrites every range into a new text; each result is one range of it.
    mutating func rewrite(_ body: (NormalizedText, Range<Int>, _ output: inout NormalizedText) -> Void) {
        var output = NormalizedText(tracksOffsets: text.spans != nil)
        var rewritten: [Range<Int>] = []
        for range in ranges {
            let start = output.bytes.count
            body(text, range, &output)
            if output.bytes.count > start { rewritten.append(start..<output.bytes.count) }
        }
        text = output
        ranges = rewritten
    }
}
