public import Tensors

/// A score of every unit for every example, so that a score's uncertainty can be told.
public struct ExampleScores: Sendable {
    public let unitsPerLayer: [Int]
    private let statistic: ScoreStatistic
    /// Example after example, each with its units layer after layer.
    private var scores: [Double] = []
    private var groups: GroupedScores

    public init(unitsPerLayer: [Int], statistic: ScoreStatistic = .mean) {
        self.unitsPerLayer = unitsPerLayer
        self.statistic = statistic
        groups = GroupedScores(unitsPerLayer: unitsPerLayer, statistic: statistic)
    }

    /// Number of examples.
    public var count: Int { groups.count }

    /// Whether no score was NaN or infinite.
    public var isFinite: Bool { groups.isFinite }

    /// Adds the scores of the next example, layer after layer.
    public mutating func append(_ example: [Double]) {
        groups.append(example)
        scores += example
    }

    /// The score of each unit, how well two halves of the examples agree on their order, and the percentile
    /// bootstrap's 95 % interval (Efron, Tibshirani 1993, chapter 13).
    ///
    /// A resample draws as many examples as there are, with replacement, for all units alike; the scores are normalized
    /// anew in each, so that the interval is that of the normalized score. Of a magnitude |mean| the interval is the mean's
    /// without its sign; see `ScoreStatistic`.
    ///
    /// There must be an example, and no score that is not finite.
    ///
    /// - Parameter key: draw j of resample r is number j of the stream `key.mixed(r)`.
    public func summary(normalize: ScoreNormalization, key: RandomKey, resamples: Int = 1000) -> ImportanceScores {
        precondition(
            count > 0 && resamples > 0 && isFinite, "ExampleScores: \(resamples) resamples of \(count) examples")
        let units = unitsPerLayer.reduce(0, +)
        var samples = Array(repeating: [Double](), count: units)
        for resample in 0..<resamples {
            let mean = resampledMean(key.mixed(resample), units: units)
            // A sign is kept until the interval is known.
            let scores = statistic == .magnitudeOfMean ? mean : mean.map(statistic.callAsFunction)
            for (unit, score) in normalize.applied(to: scores.split(into: unitsPerLayer)).joined().enumerated() {
                samples[unit].append(score)
            }
        }
        let intervals = samples.map { unit in
            let sorted = unit.sorted()
            return statistic.interval(Self.quantile(sorted, 0.025), Self.quantile(sorted, 0.975))
        }
        return groups.summary(normalize: normalize, intervals: intervals.split(into: unitsPerLayer))
    }

    private func resampledMean(_ key: RandomKey, units: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: units)
        let examples = UInt64(count)
        scores.withUnsafeBufferPointer { scores in
            sums.withUnsafeMutableBufferPointer { sums in
                for draw in 0..<count {
                    let example = Int(key.bits(draw).multipliedFullWidth(by: examples).high)
                    for unit in 0..<units { sums[unit] += scores[example * units + unit] }
                }
            }
        }
        return sums.map { $0 / Double(count) }
    }

    /// Linear between order statistics (Hyndman and Fan's type 7).
    private static func quantile(_ sorted: [Double], _ fraction: Double) -> Double {
        let position = fraction * Double(sorted.count - 1)
        let below = Int(position)
        let above = min(below + 1, sorted.count - 1)
        return sorted[below] + (position - Double(below)) * (sorted[above] - sorted[below])
    }
}
