import Foundation

/// The signed-rank test of paired numbers (Wilcoxon 1945, Biometrics Bulletin 1:80): do they differ in their middle?
///
/// Differences of zero are left out, equal sizes share the mean of their ranks. Up to 50 pairs without zeros and ties the
/// p-value is exact; with some, exact over the signs up to 13 pairs; else of the normal approximation with the correction
/// for ties and none for continuity: what SciPy's `wilcoxon` does by default.
public struct Wilcoxon: Sendable, Equatable {
    /// The smaller of the two rank sums.
    public let statistic: Double
    /// Two-sided; 1 where no pair differs.
    public let p: Double

    private static let (mostExact, mostWithTies) = (50, 13)

    /// Of pairs of numbers: `own` minus `other`.
    public init(_ own: [Double], minus other: [Double]) {
        self.init(differences: Self.differences(own, minus: other))
    }

    /// Rounded to multiples of 1e-12: what is less is the arithmetic's, and would untie rows that are equal, or differ equally.
    static func differences(_ own: [Double], minus other: [Double]) -> [Double] {
        precondition(own.count == other.count, "\(own.count) numbers beside \(other.count)")
        return zip(own, other).map { own, other in
            let difference = own - other
            // From 2⁵³ · 1e-12 on there is nothing to round.
            return abs(difference) < 9007 ? (difference * 1e12).rounded() / 1e12 : difference
        }
    }

    /// - Parameter differences: one per pair; their order changes nothing.
    public init(differences: [Double]) {
        precondition(differences.allSatisfy(\.isFinite), "a difference that is not finite")
        let sorted = differences.filter { $0 != 0 }.sorted { (abs($0), $0) < (abs($1), $1) }
        let n = sorted.count
        // Twice the ranks: whole numbers, also where ties share one.
        var ranks = [Int](repeating: 0, count: n)
        var (start, tieCorrection) = (0, 0.0)
        while start < n {
            var end = start + 1
            while end < n, abs(sorted[end]) == abs(sorted[start]) { end += 1 }
            for place in start..<end { ranks[place] = start + end + 1 }
            let size = Double(end - start)
            tieCorrection += size * size * size - size
            start = end
        }
        let total = ranks.reduce(0, +)
        let positive = zip(sorted, ranks).reduce(0) { $1.0 > 0 ? $0 + $1.1 : $0 }
        statistic = Double(min(positive, total - positive)) / 2
        guard n > 0 else {
            p = 1
            return
        }
        let isPlain = tieCorrection == 0 && n == differences.count
        if differences.count <= (isPlain ? Self.mostExact : Self.mostWithTies) {
            p = Self.exactP(ranks, sum: min(positive, total - positive))
        } else {
            let count = Double(n)
            let variance = (count * (count + 1) * (2 * count + 1) - tieCorrection / 2) / 24
            let z = (Double(positive) / 2 - count * (count + 1) / 4) / variance.squareRoot()
            p = erfc(abs(z) / 2.0.squareRoot())
        }
    }

    /// 2 · P(sum of the ranks with a positive sign ≤ `sum`), each sign being a fair coin's.
    private static func exactP(_ ranks: [Int], sum: Int) -> Double {
        // Counts of up to 2⁵⁰ sign patterns are exact in Double.
        var patterns = [Double](repeating: 0, count: ranks.reduce(0, +) + 1)
        patterns[0] = 1
        for rank in ranks {
            for target in stride(from: patterns.count - 1, through: rank, by: -1) {
                patterns[target] += patterns[target - rank]
            }
        }
        return min(1, 2 * patterns[...sum].reduce(0, +) / pow(2, Double(ranks.count)))
    }
}
