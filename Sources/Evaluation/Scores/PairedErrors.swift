/// The errors of two models on the same rows: those of the one in question minus those of the reference.
public struct PairedErrors: Sendable, Equatable, Codable {
    /// What an error is, such as `absolute error` or `100 − chrF`.
    public var error: String
    public var rows: Int
    /// The mean difference with its paired bootstrap interval; below 0 the one in question is better.
    public var difference: Estimate
    /// Rows on which the one in question is worse, and better.
    public var worse: Int
    public var better: Int
    /// See `Wilcoxon`.
    public var wilcoxonP: Double
    /// The mean difference that is found four times out of five at α = 0.05, two-sided: (z₀.₉₇₅ + z₀.₈₀) · s / √n.
    public var minimumDetectableEffect: Double

    /// - Parameters:
    ///   - own: an error per row, at least one; lower is better.
    ///   - reference: of the same rows.
    public init(_ error: String, own: [Double], reference: [Double], seed: UInt64) {
        precondition(own.count == reference.count && !own.isEmpty, "\(own.count) errors beside \(reference.count)")
        let differences = zip(own, reference).map { $0 - $1 }.sorted()
        let n = Double(differences.count)
        let mean = differences.reduce(0, +) / n
        let squares = differences.map { ($0 - mean) * ($0 - mean) }.sorted().reduce(0, +)
        self.error = error
        rows = differences.count
        difference = Bootstrap.mean(of: differences, seed: seed)
        let rounded = Wilcoxon.differences(own, minus: reference)
        worse = rounded.count { $0 > 0 }
        better = rounded.count { $0 < 0 }
        wilcoxonP = Wilcoxon(differences: rounded).p
        minimumDetectableEffect =
            n > 1 ? (NormalQuantile.p975 + NormalQuantile.p80) * (squares / (n - 1) / n).squareRoot() : 0
    }
}
