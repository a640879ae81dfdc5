import Evaluation
import Foundation
import Testing

/// What `Tests/Golden/evaluation.py` wrote: the values of SciPy, scikit-learn and statsmodels.
private struct Golden: Decodable {
    struct Case: Decodable, CustomTestStringConvertible {
        var name: String
        var classes: Int
        var labels: [Int]
        var a: [Float]
        var b: [Float]
        var metricsA: Metrics
        var metricsB: Metrics
        var pair: Pair

        var testDescription: String { name }
    }

    struct Metrics: Decodable {
        var accuracy: [Double]
        var macroF1: Double
        var matthews: Double
        var perClass: [[Double]]
        var confusion: [[Int]]
        var nll: Double
        var ece: Double
        var bins: [[Double]]
    }

    struct Pair: Decodable {
        var agreement: Double
        var klMean: Double
        var klP50: Double
        var klP99: Double
        var difference: Double
        var mcnemarP: Double
        var lost: Int
        var won: Int
        var minimumDetectableEffect: Double
    }

    struct Resampled: Decodable {
        var values: [Double]
        var resamples: Int
        var seed: UInt64
        var expected: Estimate
    }

    struct Interval: Decodable {
        var values: [Double]
        var low: Double
        var high: Double
    }

    var cases: [Case]
    var mcnemar: [[Double]]
    var wilson: [[Double]]
    var detectable: [[Double]]
    var bootstrap: [Resampled]
    var scipyBootstrap: Interval

    static func load() throws -> Golden {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/evaluation.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Golden.self, from: Data(contentsOf: url))
    }
}

private func near(_ a: Double, _ b: Double, _ tolerance: Double = 1e-9) -> Bool {
    abs(a - b) <= tolerance * max(1, abs(b))
}

@Suite("Statistics equal SciPy, scikit-learn and statsmodels")
struct GoldenTests {
    @Test("metrics of one model", arguments: try Golden.load().cases)
    private func metrics(_ golden: Golden.Case) throws {
        for (logits, expected) in [(golden.a, golden.metricsA), (golden.b, golden.metricsB)] {
            let predictions = Predictions(logits: logits, classes: golden.classes)
            let found = ClassificationMetrics(predictions, labels: golden.labels)
            #expect(near(found.accuracy.value, expected.accuracy[0]))
            #expect(near(found.accuracy.low, expected.accuracy[1]))
            #expect(near(found.accuracy.high, expected.accuracy[2]))
            #expect(near(found.macroF1, expected.macroF1))
            #expect(near(found.matthews, expected.matthews))
            #expect(near(try #require(found.negativeLogLikelihood), expected.nll))
            #expect(near(try #require(found.ece), expected.ece))
            #expect(found.confusion.counts == expected.confusion.flatMap { $0 })
            #expect(found.perClass.count == expected.perClass.count)
            for (score, row) in zip(found.perClass, expected.perClass) {
                #expect(near(score.precision, row[0]) && near(score.recall, row[1]) && near(score.f1, row[2]))
                #expect(Double(score.support) == row[3])
            }
            let bins = try #require(found.calibration).bins
            #expect(bins.count == expected.bins.count)
            for (bin, row) in zip(bins, expected.bins) {
                #expect(Double(bin.count) == row[0] && near(bin.confidence, row[1]) && near(bin.accuracy, row[2]))
            }
        }
    }

    @Test("comparison of two models", arguments: try Golden.load().cases)
    private func comparison(_ golden: Golden.Case) throws {
        let pair = PairedComparison(
            a: ("a", Predictions(logits: golden.a, classes: golden.classes)),
            b: ("b", Predictions(logits: golden.b, classes: golden.classes)), labels: golden.labels, seed: 1)
        #expect(near(pair.agreement, golden.pair.agreement))
        let divergence = try #require(pair.divergence)
        #expect(near(divergence.mean, golden.pair.klMean))
        #expect(near(divergence.p50, golden.pair.klP50))
        #expect(near(divergence.p99, golden.pair.klP99))
        #expect(near(pair.accuracyDifference.value, golden.pair.difference))
        #expect(near(pair.mcnemarP, golden.pair.mcnemarP))
        #expect(pair.flips.lost == golden.pair.lost && pair.flips.won == golden.pair.won)
        #expect(near(pair.minimumDetectableEffect, golden.pair.minimumDetectableEffect))
    }

    @Test("McNemar's exact p for few and for thousands of flips")
    func mcnemar() throws {
        for row in try Golden.load().mcnemar {
            let p = McNemar.exactP(lost: Int(row[0]), won: Int(row[1]))
            // Relative: the smallest of these is below 1e-80.
            #expect(abs(p - row[2]) <= 1e-9 * row[2], "\(row)")
        }
    }

    @Test("Wilson's interval from none to all")
    func wilson() throws {
        for row in try Golden.load().wilson {
            let found = Estimate.wilson(successes: Int(row[0]), trials: Int(row[1]))
            #expect(near(found.low, row[2]) && near(found.high, row[3]), "\(row)")
        }
    }

    @Test("minimum detectable effect, no discordant rows included")
    func detectable() throws {
        for row in try Golden.load().detectable {
            let found = McNemar.minimumDetectableEffect(discordant: Int(row[0]), rows: Int(row[1]))
            #expect(near(found, row[2]), "\(row)")
        }
    }

    @Test("bootstrap intervals equal a second implementation with the same generator")
    func bootstrap() throws {
        for golden in try Golden.load().bootstrap {
            let found = Bootstrap.mean(of: golden.values, resamples: golden.resamples, seed: golden.seed)
            #expect(near(found.value, golden.expected.value, 1e-12))
            #expect(near(found.low, golden.expected.low, 1e-12))
            #expect(near(found.high, golden.expected.high, 1e-12))
        }
    }

    @Test("bootstrap intervals come near SciPy's, whose generator is another one")
    func scipyBootstrap() throws {
        let golden = try Golden.load().scipyBootstrap
        let found = Bootstrap.mean(of: golden.values, resamples: 50_000, seed: 3)
        // The interval is 0.45 wide; its ends have a Monte Carlo error of about 0.0015.
        #expect(abs(found.low - golden.low) < 0.008)
        #expect(abs(found.high - golden.high) < 0.008)
    }
}
