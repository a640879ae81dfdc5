/// ROUGE of one text against its reference, 0…1: F1 of common words, of pairs of words, and of the longest common subsequence
/// (Lin 2004), as the package rouge-score computes them without stemming. A set's score is the mean of its rows.
public struct ROUGE: Sendable, Equatable {
    public let one: Double
    public let two: Double
    public let longest: Double

    public init(_ text: String, reference: String) {
        let (own, other) = (Self.words(text), Self.words(reference))
        func score(_ order: Int) -> Double {
            let (counts, otherCounts) = (NeighbourCounts(own, order: order), NeighbourCounts(other, order: order))
            return Self.f1(counts.common(with: otherCounts), of: counts.total, and: otherCounts.total)
        }
        one = score(1)
        two = score(2)
        longest = Self.f1(Self.longestCommon(own, other), of: own.count, and: other.count)
    }

    private static func f1(_ common: Int, of own: Int, and other: Int) -> Double {
        let (precision, recall) = (Double(common) / Double(max(own, 1)), Double(common) / Double(max(other, 1)))
        return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
    }

    /// Runs of a–z and 0–9 in the lower-cased text.
    private static func words(_ text: String) -> [[Unicode.Scalar]] {
        let lowered = text.unicodeScalars.flatMap { $0.properties.lowercaseMapping.unicodeScalars }
        return lowered.split { !(("a"..."z").contains($0) || ("0"..."9").contains($0)) }.map(Array.init)
    }

    private static func longestCommon(_ a: [[Unicode.Scalar]], _ b: [[Unicode.Scalar]]) -> Int {
        // Words as numbers: comparing them is what this spends its time on.
        var numbers: [[Unicode.Scalar]: Int] = [:]
        func number(_ word: [Unicode.Scalar]) -> Int {
            if let known = numbers[word] { return known }
            numbers[word] = numbers.count
            return numbers.count - 1
        }
        let (a, b) = (a.map(number), b.map(number))
        var row = [Int](repeating: 0, count: b.count + 1)
        for word in a {
            var diagonal = 0
            for place in b.indices {
                let above = row[place + 1]
                row[place + 1] = b[place] == word ? diagonal + 1 : max(above, row[place])
                diagonal = above
            }
        }
        return row[b.count]
    }
}
