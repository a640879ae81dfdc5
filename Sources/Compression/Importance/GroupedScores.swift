/// A score of every unit, summed over groups of the examples: example i is in group i mod 20.
///
/// What neurons need: they are too many to keep a score for each example. Two halves of the examples are the groups with even and
/// with odd numbers.
public struct GroupedScores: Sendable {
    /// Groups that the examples are dealt into. An even number.
    private static let groups = 20
    /// The 97.5 % point of Student's t with 19 degrees of freedom.
    private static let quantile = 2.093

    private let unitsPerLayer: [Int]
    private let statistic: ScoreStatistic
    private var sums: [[Double]]
    private var counts = [Int](repeating: 0, count: groups)
    private var isSigned = false

    public init(unitsPerLayer: [Int], statistic: ScoreStatistic = .mean) {
        self.unitsPerLayer = unitsPerLayer
        self.statistic = statistic
        sums = Array(repeating: Array(repeating: 0, count: unitsPerLayer.reduce(0, +)), count: Self.groups)
    }

    /// Number of examples.
    public var count: Int { counts.reduce(0, +) }

    /// Whether no score was NaN or infinite.
    public var isFinite: Bool { sums.joined().allSatisfy(\.isFinite) }

    /// Adds the scores of the next example, layer after layer.
    public mutating func append(_ scores: [Double]) {
        let group = count % Self.groups
        precondition(
            scores.count == sums[group].count, "GroupedScores: \(scores.count) scores for \(sums[group].count) units")
        counts[group] += 1
        for unit in 0..<scores.count {
            sums[group][unit] += scores[unit]
            if scores[unit] < 0 { isSigned = true }
        }
    }

    /// The score of each unit, how well the halves agree on their order, and from 20 examples on the scores' 95 % intervals:
    /// θ ± t · √(19/20 · Σ_g (θ₍g₎ − θ̄)²), θ₍g₎ the score without group g, normalized anew (the delete-a-group jackknife;
    /// Shao, Tu 1995, section 2.3). Of a magnitude |mean| it is the mean's without its sign, as `ScoreStatistic.interval`
    /// has it.
    public func summary(normalize: ScoreNormalization) -> ImportanceScores {
        summary(
            normalize: normalize,
            intervals: count >= Self.groups ? intervals(total(of: 0..<Self.groups), normalize) : nil)
    }

    /// The same with intervals that are known already.
    func summary(normalize: ScoreNormalization, intervals: [[ClosedRange<Double>]]?) -> ImportanceScores {
        ImportanceScores(
            scores(total(of: 0..<Self.groups)).split(into: unitsPerLayer), normalize: normalize, intervals: intervals,
            rankStability: rankStability(normalize: normalize))
    }

    private func intervals(
        _ all: (sums: [Double], count: Int), _ normalize: ScoreNormalization
    ) -> [[ClosedRange<Double>]] {
        /// Normalized, with the mean's sign.
        func estimates(_ sums: [Double], _ count: Int) -> [Double] {
            let scores = sums.map { sum in
                statistic == .magnitudeOfMean ? sum / Double(count) : statistic(sum / Double(count))
            }
            return Array(normalize.applied(to: scores.split(into: unitsPerLayer)).joined())
        }
        let whole = estimates(all.sums, all.count)
        // Deviations from θ rather than from θ̄, which is not known yet: the sum of squares is corrected for it.
        var (deviations, squares) = (whole.map { _ in 0.0 }, whole.map { _ in 0.0 })
        for group in 0..<Self.groups {
            // A square root is taken of what may have come out just below zero.
            let rest = zip(all.sums, sums[group]).map { isSigned ? $0 - $1 : max(0, $0 - $1) }
            for (unit, estimate) in estimates(rest, all.count - counts[group]).enumerated() {
                let deviation = estimate - whole[unit]
                deviations[unit] += deviation
                squares[unit] += deviation * deviation
            }
        }
        let groups = Double(Self.groups)
        return whole.indices.map { unit in
            let spread = max(0, squares[unit] - deviations[unit] * deviations[unit] / groups)
            let half = Self.quantile * ((groups - 1) / groups * spread).squareRoot()
            return statistic.interval(isSigned ? whole[unit] - half : max(0, whole[unit] - half), whole[unit] + half)
        }.split(into: unitsPerLayer)
    }

    private func rankStability(normalize: ScoreNormalization) -> Double? {
        guard counts[1] > 0 else { return nil }
        let halves = (0..<2).map { half in
            let scores = scores(total(of: stride(from: half, to: Self.groups, by: 2)))
            return Array(normalize.applied(to: scores.split(into: unitsPerLayer)).joined())
        }
        return RankCorrelation.spearman(halves[0], halves[1])
    }

    private func total(of groups: some Sequence<Int>) -> (sums: [Double], count: Int) {
        var total = (sums: [Double](repeating: 0, count: unitsPerLayer.reduce(0, +)), count: 0)
        for group in groups {
            total.count += counts[group]
            for unit in total.sums.indices { total.sums[unit] += sums[group][unit] }
        }
        return total
    }

    private func scores(_ total: (sums: [Double], count: Int)) -> [Double] {
        precondition(total.count > 0, "GroupedScores: no examples")
        return total.sums.map { statistic($0 / Double(total.count)) }
    }
}
