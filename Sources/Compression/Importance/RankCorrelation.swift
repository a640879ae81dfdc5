/// Agreement between two orders of the same things.
public enum RankCorrelation {
    /// Spearman's ρ: Pearson's correlation of the ranks, where equal values share their mean rank.
    ///
    /// - Returns: −1 to 1; nil if there are fewer than two values, or if one side's values are all equal.
    public static func spearman(_ x: [Double], _ y: [Double]) -> Double? {
        precondition(x.count == y.count, "spearman: \(x.count) and \(y.count) values")
        guard x.count > 1 else { return nil }
        let mean = Double(x.count + 1) / 2
        let (a, b) = (ranks(x).map { $0 - mean }, ranks(y).map { $0 - mean })
        let (aa, bb) = (dot(a, a), dot(b, b))
        return aa > 0 && bb > 0 ? dot(a, b) / (aa * bb).squareRoot() : nil
    }

    /// Ranks from 1.
    private static func ranks(_ values: [Double]) -> [Double] {
        let order = values.indices.sorted { values[$0] < values[$1] }
        var ranks = [Double](repeating: 0, count: values.count)
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
            for position in start..<end { ranks[order[position]] = Double(start + 1 + end) / 2 }
            start = end
        }
        return ranks
    }

    private static func dot(_ x: [Double], _ y: [Double]) -> Double {
        zip(x, y).reduce(0) { $0 + $1.0 * $1.1 }
    }
}
