import Compression
import Layers
import Models
import Tensors
import Testing

@Suite("Certainty of scores")
struct ImportanceStatisticsTests {
    @Test("Spearman's correlation shares ranks among equal values")
    func spearman() throws {
        // SciPy 1.11's documentation of spearmanr: [1 2 3 4 5] and [5 6 7 8 7].
        let rho = try #require(RankCorrelation.spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7]))
        #expect(abs(rho - 0.8207826816681233) < 1e-12)
        #expect(RankCorrelation.spearman([1, 5, 9], [10, 11, 400]) == 1)
        #expect(RankCorrelation.spearman([1, 5, 9], [3, 2, -1]) == -1)
    }

    @Test("Nothing to rank has no rank correlation")
    func unranked() {
        #expect(RankCorrelation.spearman([1], [2]) == nil)
        #expect(RankCorrelation.spearman([], []) == nil)
        #expect(RankCorrelation.spearman([2, 2, 2], [1, 2, 3]) == nil)
    }

    @Test("The interval of a mean has the width that the central limit theorem gives")
    func intervalWidth() throws {
        var scores = ExampleScores(unitsPerLayer: [2])
        for example in 0..<400 { scores.append([5 + RandomKey(1).normal(example), 3]) }
        let summary = scores.summary(normalize: .none, key: RandomKey(2))
        let intervals = try #require(summary.intervals)[0]
        let width = intervals[0].upperBound - intervals[0].lowerBound
        #expect(abs(width - 2 * 1.96 / 20) < 0.02)
        #expect(intervals[0].contains(summary.values[0][0]))
        #expect(abs(summary.values[0][0] - 5) < 0.2)
        #expect(intervals[1] == 3...3)
    }

    @Test("Another key draws other resamples, the same key the same ones")
    func resamples() {
        var scores = ExampleScores(unitsPerLayer: [2, 1])
        for example in 0..<30 { scores.append((0..<3).map { RandomKey(5).mixed(example).uniform($0) }) }
        func summary(_ seed: UInt64) -> ImportanceScores {
            scores.summary(normalize: .layer, key: RandomKey(seed), resamples: 50)
        }
        #expect(summary(1) == summary(1))
        #expect(summary(1).intervals != summary(2).intervals)
        #expect(summary(1).values == summary(2).values)
    }

    @Test("An interval is that of the normalized score: a layer's only head always scores one")
    func normalizedInterval() throws {
        var scores = ExampleScores(unitsPerLayer: [1, 2])
        for example in 0..<30 { scores.append((0..<3).map { 1 + RandomKey(5).mixed(example).uniform($0) }) }
        let interval = try #require(scores.summary(normalize: .layer, key: RandomKey(1)).intervals)[0][0]
        #expect(abs(interval.lowerBound - 1) < 1e-12 && abs(interval.upperBound - 1) < 1e-12)
    }

    @Test("Halves that agree are stable, halves that contradict each other are not")
    func stability() {
        func stability(_ other: [Double]) -> Double? {
            var scores = GroupedScores(unitsPerLayer: [2, 2])
            for example in 0..<10 { scores.append(example % 2 == 0 ? [1, 2, 3, 4] : other) }
            return scores.summary(normalize: .none).rankStability
        }
        #expect(stability([2, 3, 4, 5]) == 1)
        #expect(stability([5, 4, 3, 2]) == -1)
        var single = GroupedScores(unitsPerLayer: [2])
        single.append([1, 2])
        #expect(single.summary(normalize: .none).rankStability == nil)
    }

    /// Numbers of one example around each unit's own mean.
    private func drawn(_ example: Int, _ means: [Double], seed: UInt64 = 9) -> [Double] {
        means.enumerated().map { $1 * 2 * RandomKey(seed).mixed(example).uniform($0) }
    }

    @Test(
        "A jackknife over groups has the intervals of a bootstrap over examples", arguments: ScoreNormalization.allCases
    )
    func jackknife(_ normalize: ScoreNormalization) throws {
        let means = (1...12).map(Double.init)
        var (groups, examples) = (GroupedScores(unitsPerLayer: [8, 4]), ExampleScores(unitsPerLayer: [8, 4]))
        for example in 0..<200 {
            groups.append(drawn(example, means))
            examples.append(drawn(example, means))
        }
        let found = groups.summary(normalize: normalize)
        let wanted = examples.summary(normalize: normalize, key: RandomKey(1))
        #expect(found.values == wanted.values && found.rankStability == wanted.rankStability)
        let ratios = try zip(#require(found.intervals).joined(), #require(wanted.intervals).joined()).map {
            ($0.upperBound - $0.lowerBound) / ($1.upperBound - $1.lowerBound)
        }
        #expect(ratios.allSatisfy { $0 > 0.6 && $0 < 1.7 })
        #expect(abs(ratios.reduce(0, +) / 12 - 1.07) < 0.15)
    }

    @Test("Of 95 % intervals about 95 in 100 hold what they are of")
    func coverage() throws {
        let held = try (0..<400).count { trial in
            var scores = GroupedScores(unitsPerLayer: [1])
            for example in 0..<40 { scores.append(drawn(example, [1], seed: UInt64(100 + trial))) }
            return try #require(scores.summary(normalize: .none).intervals)[0][0].contains(1)
        }
        #expect((368...392).contains(held), "\(held) of 400")
    }

    @Test("An interval of sizes does not reach below zero, one of magnitudes begins there, and few examples have none")
    func bounds() throws {
        func interval(_ statistic: ScoreStatistic, _ count: Int, _ value: (Int) -> Double) -> ClosedRange<Double>? {
            var scores = GroupedScores(unitsPerLayer: [1], statistic: statistic)
            for example in 0..<count { scores.append([value(example)]) }
            return scores.summary(normalize: .none).intervals?[0][0]
        }
        #expect(interval(.mean, 19) { _ in 1 } == nil)
        let sizes = try #require(interval(.mean, 20) { $0 == 3 ? 1 : 0 })
        #expect(sizes.lowerBound == 0 && sizes.upperBound > 0.05)
        let magnitudes = try #require(interval(.magnitudeOfMean, 40) { $0 % 4 < 2 ? 1 : -1 })
        #expect(magnitudes.lowerBound == 0 && magnitudes.upperBound > 0)
        let negative = try #require(interval(.magnitudeOfMean, 40) { Double($0 % 3) - 9 })
        #expect(negative.lowerBound > 7 && negative.upperBound < 9)
    }

    @Test("Magnitude is the norm of the weights that leave with a unit, and needs no examples")
    func magnitude() throws {
        let model = PruningModel.encoder()
        func importance() throws -> ModelImportance {
            try ImportanceCriterion.magnitude.importance(
                of: model, calibration: nil, normalize: .none, key: RandomKey(1))
        }
        let scores = try importance()
        for head in 0..<3 {
            let rows = head * 4..<(head + 1) * 4
            let layer = model.layers[1]
            var squares = 0.0
            for linear in [layer.query, layer.key, layer.value] {
                for row in rows {
                    for column in 0..<16 { squares += Double(linear.weight.value.values[row * 16 + column]).squared }
                }
            }
            for row in 0..<16 {
                for column in rows {
                    squares += Double(layer.attentionOutput.weight.value.values[row * 12 + column]).squared
                }
            }
            #expect(abs(scores.heads.values[1][head] - squares.squareRoot()) < 1e-5)
        }
        #expect(scores.heads.intervals == nil && scores.heads.rankStability == nil)
        PruningModel.scaleNeuron(3, layer: 2, of: model, by: 10)
        let changed = try importance().neurons.values
        #expect(changed[2][3] > 2 * scores.neurons.values[2][3])
        #expect(changed[2][4] == scores.neurons.values[2][4])
    }
}

extension Double {
    fileprivate var squared: Double { self * self }
}
