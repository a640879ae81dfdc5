/// How well one list of numbers follows another. The order of the pairs changes no bit.
public enum Correlation {
    /// Pearson's: the covariance over the product of the deviations; 0 where one list does not vary.
    public static func pearson(_ a: [Double], _ b: [Double]) -> Double {
        precondition(a.count == b.count && !a.isEmpty, "\(a.count) and \(b.count) numbers")
        let pairs = zip(a, b).sorted { $0 < $1 }
        let (a, b) = (pairs.map(\.0), pairs.map(\.1))
        let (meanA, meanB) = (a.reduce(0, +) / Double(a.count), b.reduce(0, +) / Double(b.count))
        var (covariance, varianceA, varianceB) = (0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            covariance += (x - meanA) * (y - meanB)
            varianceA += (x - meanA) * (x - meanA)
            varianceB += (y - meanB) * (y - meanB)
        }
        let scale = (varianceA * varianceB).squareRoot()
        return scale > 0 ? covariance / scale : 0
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
