/// How far a model's confidence is from its accuracy, over bins of equally many rows.
///
/// Rows are sorted by confidence and cut into 15 bins whose sizes differ by at most one (larger ones first, as NumPy's
/// `array_split`; fewer bins if there are fewer rows). Equal-mass bins: Nguyen and O'Connor 2015 (arXiv 1508.05154).
/// Rows of equal confidence (up to 1e-12, rounding) share the mean of their hits, so that the order of the rows cannot
/// change the result.
public struct Calibration: Sendable, Equatable {
    /// One bin of the reliability curve.
    public struct Bin: Sendable, Equatable, Codable {
        public var count: Int
        /// Mean probability of the predicted class.
        public var confidence: Double
        /// Share of rows whose prediction is right.
        public var accuracy: Double
    }

    /// Ascending in confidence.
    public let bins: [Bin]

    /// - Parameters:
    ///   - confidences: The probability of the predicted class, per row.
    ///   - correct: Whether the prediction is right, per row.
    public init(confidences: [Double], correct: [Bool], binCount: Int = 15) {
        precondition(confidences.count == correct.count, "\(confidences.count) confidences, \(correct.count) outcomes")
        precondition(binCount > 0, "\(binCount) bins")
        let order = confidences.indices.sorted { confidences[$0] < confidences[$1] }
        let sorted = order.map { confidences[$0] }
        var hits = order.map { correct[$0] ? 1.0 : 0.0 }
        var start = 0
        while start < sorted.count {
            var end = start + 1
            while end < sorted.count, sorted[end] - sorted[start] <= 1e-12 { end += 1 }
            let mean = hits[start..<end].reduce(0, +) / Double(end - start)
            for i in start..<end { hits[i] = mean }
            start = end
        }
        let count = min(binCount, sorted.count)
        var bins: [Bin] = []
        var low = 0
        for bin in 0..<count {
            let size = sorted.count / count + (bin < sorted.count % count ? 1 : 0)
            let rows = low..<low + size
            bins.append(
                Bin(
                    count: size, confidence: sorted[rows].reduce(0, +) / Double(size),
                    accuracy: hits[rows].reduce(0, +) / Double(size)))
            low += size
        }
        self.bins = bins
    }

    /// Expected calibration error: Σ count/N · |accuracy − confidence|, 0…1 (Guo et al. 2017, arXiv 1706.04599).
    public var expectedError: Double {
        let total = bins.reduce(0) { $0 + $1.count }
        return bins.reduce(0) { $0 + Double($1.count) * abs($1.accuracy - $1.confidence) } / Double(max(total, 1))
    }
}
