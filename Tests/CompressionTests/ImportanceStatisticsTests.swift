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
            var scores = HalvedScores(unitsPerLayer: [2, 2])
            for example in 0..<10 { scores.append(example % 2 == 0 ? [1, 2, 3, 4] : other) }
            return scores.summary(normalize: .none).rankStability
        }
        #expect(stability([2, 3, 4, 5]) == 1)
        #expect(stability([5, 4, 3, 2]) == -1)
        var single = HalvedScores(unitsPerLayer: [2])
        single.append([1, 2])
        #expect(single.summary(normalize: .none).rankStability == nil)
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
