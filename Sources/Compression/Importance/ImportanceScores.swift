/// The scores of all heads, or of all neurons, of a model; more is more important.
public struct ImportanceScores: Equatable, Sendable {
    /// One score per layer and unit.
    public let values: [[Double]]
    /// The 95 % bootstrap interval of each score over the examples; nil where none was drawn.
    public let intervals: [[ClosedRange<Double>]]?
    /// Spearman's rank correlation between the scores of two halves of the examples: 1 is a stable order, 0 is noise.
    /// Nil where there are no halves, or nothing to rank.
    public let rankStability: Double?
    /// Whether a unit without effect scores zero but for chance, so that an interval that reaches down to zero tells of such a
    /// unit: scores that are means of numbers with a sign. Means of sizes or squares lie above zero for every unit.
    public private(set) var canBeZero = false

    /// Scores without sampling error.
    init(values: [[Double]], normalize: ScoreNormalization) {
        self.init(values: normalize.applied(to: values), intervals: nil, rankStability: nil)
    }

    init(values: [[Double]], intervals: [[ClosedRange<Double>]]?, rankStability: Double?) {
        self.values = values
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
    var neurons: HalvedScores

    init(of model: some ScorableModel, statistic: ScoreStatistic) {
        let layers = model.scorableLayers
        heads = ExampleScores(unitsPerLayer: layers.map(\.attentionUnits), statistic: statistic)
        neurons = HalvedScores(unitsPerLayer: layers.map(\.neurons), statistic: statistic)
    }
}

/// A score of every unit, summed over the examples, with every other example in one half.
///
/// What neurons need: they are too many to keep a score for each example.
public struct HalvedScores: Sendable {
    private let unitsPerLayer: [Int]
    private let statistic: ScoreStatistic
    private var sums: [[Double]]
    private var counts = [0, 0]

    public init(unitsPerLayer: [Int], statistic: ScoreStatistic = .mean) {
        self.unitsPerLayer = unitsPerLayer
        self.statistic = statistic
        sums = Array(repeating: Array(repeating: 0, count: unitsPerLayer.reduce(0, +)), count: 2)
    }

    /// Number of examples.
    public var count: Int { counts[0] + counts[1] }

    /// Whether no score was NaN or infinite.
    public var isFinite: Bool { sums.joined().allSatisfy(\.isFinite) }

    /// Adds the scores of the next example, layer after layer.
    public mutating func append(_ scores: [Double]) {
        let half = count % 2
        precondition(
            scores.count == sums[half].count, "HalvedScores: \(scores.count) scores for \(sums[half].count) units")
        counts[half] += 1
        for unit in 0..<scores.count { sums[half][unit] += scores[unit] }
    }

    /// The score of each unit, and how well the halves agree on their order.
    public func summary(normalize: ScoreNormalization) -> ImportanceScores {
        ImportanceScores(
            values: mean(zip(sums[0], sums[1]).map(+), count, normalize), intervals: nil,
            rankStability: rankStability(normalize: normalize))
    }

    private func rankStability(normalize: ScoreNormalization) -> Double? {
        guard counts[1] > 0 else { return nil }
        let halves = (0..<2).map { Array(mean(sums[$0], counts[$0], normalize).joined()) }
        return RankCorrelation.spearman(halves[0], halves[1])
    }

    private func mean(_ sums: [Double], _ count: Int, _ normalize: ScoreNormalization) -> [[Double]] {
        precondition(count > 0, "HalvedScores: no examples")
        return normalize.applied(to: sums.map { statistic($0 / Double(count)) }.split(into: unitsPerLayer))
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
