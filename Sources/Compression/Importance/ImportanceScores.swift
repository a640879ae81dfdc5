/// The scores of all heads, or of all neurons, of a model; more is more important.
public struct ImportanceScores: Equatable, Sendable {
    /// One score per layer and unit.
    public let values: [[Double]]
    /// The 95 % interval of each score over the examples, of heads by bootstrap, of neurons by jackknife; nil where none was
    /// drawn.
    public let intervals: [[ClosedRange<Double>]]?
    /// Spearman's rank correlation between the scores of two halves of the examples: 1 is a stable order, 0 is noise.
    /// Nil where there are no halves, or nothing to rank.
    public let rankStability: Double?
    /// Whether a unit without effect scores zero but for chance, so that an interval that reaches down to zero tells of such a
    /// unit: scores that are means of numbers with a sign. Means of sizes or squares lie above zero for every unit.
    public private(set) var canBeZero = false

    /// - Parameters:
    ///   - raw: the scores before they are normalized.
    ///   - intervals: those of the normalized scores.
    init(
        _ raw: [[Double]], normalize: ScoreNormalization, intervals: [[ClosedRange<Double>]]? = nil,
        rankStability: Double? = nil
    ) {
        values = normalize.applied(to: raw)
        self.intervals = intervals
        self.rankStability = rankStability
    }

    func testable(_ canBeZero: Bool) -> ImportanceScores {
        var scores = self
        scores.canBeZero = canBeZero
        return scores
    }
}

extension ScoreNormalization {
    /// The scores made comparable across layers.
    func applied(to scores: [[Double]]) -> [[Double]] {
        switch self {
        case .none: scores
        case .layer:
            scores.map { layer in
                let norm = layer.reduce(0) { $0 + $1 * $1 }.squareRoot() + 1e-20
                return layer.map { $0 / norm }
            }
        }
    }
}

/// How the mean of the examples' numbers becomes a unit's score.
public enum ScoreStatistic: Sendable {
    case mean
    /// |mean|, of numbers with a sign.
    case magnitudeOfMean
    /// √mean, of squares.
    case rootOfMean

    /// The interval of a score, of that of its statistic, in which a magnitude still has its sign: it begins with zero where that
    /// one holds it.
    func interval(_ low: Double, _ high: Double) -> ClosedRange<Double> {
        guard self == .magnitudeOfMean else { return low...high }
        return low <= 0 && high >= 0 ? 0...max(-low, high) : min(abs(low), abs(high))...max(abs(low), abs(high))
    }

    func callAsFunction(_ mean: Double) -> Double {
        switch self {
        case .mean: mean
        case .magnitudeOfMean: abs(mean)
        case .rootOfMean: mean.squareRoot()
        }
    }
}

/// What a criterion measured on examples.
struct UnitScores {
    var heads: ExampleScores
    var neurons: GroupedScores

    init(of model: some ScorableModel, statistic: ScoreStatistic) {
        let layers = model.scorableLayers
        heads = ExampleScores(unitsPerLayer: layers.map(\.attentionUnits), statistic: statistic)
        neurons = GroupedScores(unitsPerLayer: layers.map(\.neurons), statistic: statistic)
    }
}

extension Array {
    /// The elements cut into consecutive parts of the given sizes.
    func split(into sizes: [Int]) -> [[Element]] {
        var start = 0
        return sizes.map { size in
            defer { start += size }
            return Array(self[start..<start + size])
        }
    }
}
