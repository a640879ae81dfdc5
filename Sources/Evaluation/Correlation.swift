/// How well one list of numbers follows another. The order of the pairs changes no bit.
public enum Correlation {
    /// Pearson's: the covariance over the product of the deviations, −1…1; 0 where one list does not vary, or is empty.
    public static func pearson(_ a: [Double], _ b: [Double]) -> Double {
        precondition(a.count == b.count, "\(a.count) and \(b.count) numbers")
        let pairs = zip(a, b).sorted { $0 < $1 }
        guard let a = deviations(pairs.map(\.0)), let b = deviations(pairs.map(\.1)) else { return 0 }
        var (covariance, varianceA, varianceB) = (0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            covariance += x * y
            varianceA += x * x
            varianceB += y * y
        }
        return min(1, max(-1, covariance / (varianceA * varianceB).squareRoot()))
    }

    /// From the mean, in units of the largest, whose square and product no size of the numbers can spoil; nil where all
    /// numbers are equal, which their rounded mean need not be.
    private static func deviations(_ values: [Double]) -> [Double]? {
        guard values.contains(where: { $0 != values[0] }) else { return nil }
        let mean = values.reduce(0, +) / Double(values.count)
        let deviations = values.map { $0 - mean }
        let largest = deviations.reduce(0) { max($0, abs($1)) }
        return largest > 0 ? deviations.map { $0 / largest } : nil
    }

    /// Spearman's: Pearson's of the ranks, equal numbers sharing the mean of theirs.
    public static func spearman(_ a: [Double], _ b: [Double]) -> Double {
        pearson(ranks(a), ranks(b))
    }

    static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start
            while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
            for place in start..<end { ranks[order[place]] = Double(start + end - 1) / 2 }
            start = end
        }
        return ranks
    }
}
