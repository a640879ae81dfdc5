/// Two models on the same rows: `b`, the one in question, against `a`, the one it should be as good as.
///
/// No value depends on the order of the rows.
public struct PairedComparison: Sendable, Equatable {
    /// Rows on which exactly one of the two is right.
    public struct Flips: Sendable, Equatable, Codable {
        /// `a` is right and `b` wrong.
        public var lost: Int
        /// `a` is wrong and `b` right.
        public var won: Int
    }

    /// Key of the reference.
    public let a: String
    /// Key of the model in question.
    public let b: String
    public let rows: Int
    /// Share of rows to which both give the same label, right or wrong.
    public let agreement: Double
    /// Mean of KL(a ‖ b) over the rows, in nats.
    public let klMean: Double
    public let klP50: Double
    public let klP99: Double
    /// accuracy(b) − accuracy(a), with its paired bootstrap interval (10,000 resamples).
    public let accuracyDifference: Estimate
    /// See `McNemar.exactP`.
    public let mcnemarP: Double
    public let flips: Flips
    /// See `McNemar.minimumDetectableEffect`.
    public let minimumDetectableEffect: Double

    /// - Parameters:
    ///   - labels: N true classes, at least one.
    ///   - seed: Chooses the bootstrap's resamples.
    public init(
        a: (key: String, predictions: Predictions), b: (key: String, predictions: Predictions), labels: [Int],
        seed: UInt64
    ) {
        let (left, right) = (a.predictions.labels, b.predictions.labels)
        precondition(
            left.count == labels.count && right.count == labels.count && !labels.isEmpty,
            "\(left.count) and \(right.count) predictions for \(labels.count) labels")
        let n = Double(labels.count)
        var same = 0
        var flips = Flips(lost: 0, won: 0)
        var differences = [Double](repeating: 0, count: labels.count)
        for row in labels.indices {
            if left[row] == right[row] { same += 1 }
            switch (left[row] == labels[row], right[row] == labels[row]) {
            case (true, false):
                flips.lost += 1
                differences[row] = -1
            case (false, true):
                flips.won += 1
                differences[row] = 1
            default:
                break
            }
        }
        // Summed in ascending order: the same bits whatever the order of the rows.
        let divergences = a.predictions.divergences(to: b.predictions).sorted()
        self.a = a.key
        self.b = b.key
        self.flips = flips
        rows = labels.count
        agreement = Double(same) / n
        klMean = divergences.reduce(0, +) / n
        klP50 = Quantile.linear(divergences, 0.5)
        klP99 = Quantile.linear(divergences, 0.99)
        accuracyDifference = Bootstrap.mean(of: differences, seed: seed)
        mcnemarP = McNemar.exactP(lost: flips.lost, won: flips.won)
        minimumDetectableEffect = McNemar.minimumDetectableEffect(
            discordant: flips.lost + flips.won, rows: labels.count)
    }
}
