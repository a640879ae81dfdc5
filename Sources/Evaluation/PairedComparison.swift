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

    /// A divergence over rows, in nats.
    public struct Divergence: Sendable, Equatable, Codable {
        public var mean: Double
        /// The sample's standard deviation / √n; 0 for one row.
        public var standardError: Double
        public var p50: Double
        public var p90: Double
        public var p99: Double

        /// - Parameter values: one per row, at least one.
        public init(_ values: [Double]) {
            // Summed in ascending order: the same bits whatever the order of the rows.
            let sorted = values.sorted()
            let n = Double(sorted.count)
            let mean = sorted.reduce(0, +) / n
            let squares = sorted.map { ($0 - mean) * ($0 - mean) }.sorted().reduce(0, +)
            self.mean = mean
            standardError = n > 1 ? (squares / (n - 1) / n).squareRoot() : 0
            p50 = Quantile.linear(sorted, 0.5)
            p90 = Quantile.linear(sorted, 0.9)
            p99 = Quantile.linear(sorted, 0.99)
        }
    }

    /// Key of the reference.
    public let a: String
    /// Key of the model in question.
    public let b: String
    public let rows: Int
    /// Share of rows to which both give the same label, right or wrong.
    public let agreement: Double
    /// KL(a ‖ b) over the rows; nil where one of them gives labels without probabilities.
    public let divergence: Divergence?
    /// accuracy(b) − accuracy(a), with its paired bootstrap interval (10,000 resamples).
    public let accuracyDifference: Estimate
    /// See `McNemar.exactP`.
    public let mcnemarP: Double
    public let flips: Flips
    /// See `McNemar.minimumDetectableEffect`.
    public let minimumDetectableEffect: Double
    /// Of the true class's log-probability under b and a; nil where one of them gives labels without probabilities.
    public let wilcoxonP: Double?

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
        let hasProbabilities = a.predictions.hasProbabilities && b.predictions.hasProbabilities
        divergence = hasProbabilities ? Divergence(a.predictions.divergences(to: b.predictions)) : nil
        wilcoxonP =
            hasProbabilities
            ? Wilcoxon(
                labels.indices.map { b.predictions.logProbability(row: $0, class: labels[$0]) },
                minus: labels.indices.map { a.predictions.logProbability(row: $0, class: labels[$0]) }
            ).p : nil
        self.a = a.key
        self.b = b.key
        self.flips = flips
        rows = labels.count
        agreement = Double(same) / n
        accuracyDifference = Bootstrap.mean(of: differences, seed: seed)
        mcnemarP = McNemar.exactP(lost: flips.lost, won: flips.won)
        minimumDetectableEffect = McNemar.minimumDetectableEffect(
            discordant: flips.lost + flips.won, rows: labels.count)
    }
}
