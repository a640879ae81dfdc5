/// chrF of a set of texts against one reference each, 0…100: recall counts twice (Popović 2015; with neighbouring words as
/// chrF++, 2017), to the last digit as sacrebleu's `nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no` and `nw:2`.
public struct CharacterFScore: Sendable, Equatable {
    /// What a row adds to the score: sums over rows make the score of a set.
    public struct Counts: Sendable, Equatable {
        /// Neighbours of each order in the text, in the reference, and in both: 1…6 characters, then 1 and 2 words.
        public var own = [Int](repeating: 0, count: 8)
        public var reference = [Int](repeating: 0, count: 8)
        public var common = [Int](repeating: 0, count: 8)

        public init() {}

        public init(_ text: String, reference other: String) {
            let (text, other) = (ScalarText(text), ScalarText(other))
            let (characters, otherCharacters) = (text.words.flatMap(\.self), other.words.flatMap(\.self))
            for order in 1...6 { count(characters, otherCharacters, order: order, at: order - 1) }
            let (words, otherWords) = (Self.words(text), Self.words(other))
            for order in 1...2 { count(words, otherWords, order: order, at: 5 + order) }
        }

        private mutating func count<Element: Hashable>(
            _ elements: [Element], _ others: [Element], order: Int, at place: Int
        ) {
            let (counts, otherCounts) = (
                NeighbourCounts(elements, order: order), NeighbourCounts(others, order: order)
            )
            // Without any in the reference the text's are not held against it.
            own[place] = otherCounts.total > 0 ? counts.total : 0
            reference[place] = otherCounts.total
            common[place] = counts.common(with: otherCounts)
        }

        public static func += (sum: inout Counts, row: Counts) {
            for place in 0..<8 {
                sum.own[place] += row.own[place]
                sum.reference[place] += row.reference[place]
                sum.common[place] += row.common[place]
            }
        }

        /// - Parameter withWords: chrF++ instead of chrF.
        public func score(withWords: Bool) -> Double {
            var (precision, recall, orders) = (0.0, 0.0, 0.0)
            for place in 0..<(withWords ? 8 : 6) where own[place] > 0 && reference[place] > 0 {
                precision += Double(common[place]) / Double(own[place])
                recall += Double(common[place]) / Double(reference[place])
                orders += 1
            }
            guard precision + recall > 0 else { return 0 }
            precision /= orders
            recall /= orders
            return 100 * (5 * precision * recall / (4 * precision + recall))
        }

        /// Words with a mark at the end, or else at the beginning, cut off.
        private static func words(_ text: ScalarText) -> [[Unicode.Scalar]] {
            text.words.flatMap { word -> [[Unicode.Scalar]] in
                guard word.count > 1 else { return [word] }
                if isMark(word[word.count - 1]) { return [Array(word.dropLast()), [word[word.count - 1]]] }
                if isMark(word[0]) { return [[word[0]], Array(word.dropFirst())] }
                return [word]
            }
        }

        private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
            switch scalar {
            case "!"..."/", ":"..."@", "["..."`", "{"..."~": true
            default: false
            }
        }
    }
}
