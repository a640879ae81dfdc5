import Foundation

/// BLEU of a set of texts against one reference each, 0…100 (Papineni et al. 2002), to the last digit as sacrebleu's
/// `nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp`.
public struct BLEU: Sendable, Equatable {
    /// What a row adds to the score: sums over rows make the score of a set.
    public struct Counts: Sendable, Equatable {
        /// Tokens of the text and of its reference.
        public var length = 0, referenceLength = 0
        /// Neighbours of 1…4 tokens that the reference has too, and all.
        public var matches = [0, 0, 0, 0], all = [0, 0, 0, 0]

        public init() {}

        public init(_ text: String, reference: String) {
            let (own, other) = (BLEU.tokens(text), BLEU.tokens(reference))
            (length, referenceLength) = (own.count, other.count)
            for order in 1...4 {
                let counts = NeighbourCounts(own, order: order)
                all[order - 1] = counts.total
                matches[order - 1] = counts.common(with: NeighbourCounts(other, order: order))
            }
        }

        public static func += (sum: inout Counts, row: Counts) {
            sum.length += row.length
            sum.referenceLength += row.referenceLength
            for order in 0..<4 {
                sum.matches[order] += row.matches[order]
                sum.all[order] += row.all[order]
            }
        }

        /// Brevity penalty · geometric mean of the four precisions; the k-th precision without a match counts 1 / (2ᵏ · all).
        public var score: Double {
            guard matches.contains(where: { $0 > 0 }) else { return 0 }
            let brevity =
                length < referenceLength ? exp(1 - Double(referenceLength) / Double(length)) : 1
            var (smoothing, sum) = (1.0, 0.0)
            for (match, count) in zip(matches, all) {
                guard count > 0 else { return 0 }
                if match == 0 { smoothing *= 2 }
                sum += log(match == 0 ? 100 / (smoothing * Double(count)) : 100 * Double(match) / Double(count))
            }
            return brevity * exp(sum / 4)
        }
    }

    /// The tokens of WMT's `mteval-v13a`.
    static func tokens(_ text: String) -> [[Unicode.Scalar]] {
        var text = ScalarText(text)
        while let last = text.scalars.last, ScalarText.isBlank(last) { text.scalars.removeLast() }
        var line = text.scalars
        line = replace("<skipped>", by: "", in: line)
        line = replace("-\n", by: "", in: line)
        line = line.map { $0 == "\n" ? " " : $0 }
        if line.contains("&") {
            for (entity, character) in [("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">")] {
                line = replace(entity, by: character, in: line)
            }
        }
        line = [" "] + line + [" "]
        line = line.flatMap { isMark($0) ? [" ", $0, " "] : [$0] }
        line = separate(line, { !isDigit($0) && isStop($1) }, into: { [$0, " ", $1, " "] })
        line = separate(line, { isStop($0) && !isDigit($1) }, into: { [" ", $0, " ", $1] })
        line = separate(line, { isDigit($0) && $1 == "-" }, into: { [$0, " ", $1, " "] })
        text.scalars = line
        return text.words
    }

    /// ASCII punctuation but for the apostrophe, the comma, the dash and the stop; the blank too.
    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "{"..."~", "["..."`", " "..."&", "("..."+", ":"..."@", "/": true
        default: false
        }
    }

    private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
    private static func isStop(_ scalar: Unicode.Scalar) -> Bool { scalar == "." || scalar == "," }

    /// Replaces neighbours that fit, from the left, none of them twice: a regular expression's substitution.
    private static func separate(
        _ line: [Unicode.Scalar], _ fits: (Unicode.Scalar, Unicode.Scalar) -> Bool,
        into replacement: (Unicode.Scalar, Unicode.Scalar) -> [Unicode.Scalar]
    ) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(line.count * 2)
        var place = 0
        while place < line.count {
            if place + 1 < line.count, fits(line[place], line[place + 1]) {
                result += replacement(line[place], line[place + 1])
                place += 2
            } else {
                result.append(line[place])
                place += 1
            }
        }
        return result
    }

    private static func replace(_ old: String, by new: String, in line: [Unicode.Scalar]) -> [Unicode.Scalar] {
        let (old, new) = (Array(old.unicodeScalars), Array(new.unicodeScalars))
        var result: [Unicode.Scalar] = []
        var place = 0
        while place < line.count {
            if line[place...].starts(with: old) {
                result += new
                place += old.count
            } else {
                result.append(line[place])
                place += 1
            }
        }
        return result
    }
}
