import Evaluation
import Testing

@Suite("Properties of the statistics")
struct StatisticsTests {
    @Test("the paired bootstrap interval covers the true difference 95 ± 2% of the time")
    func bootstrapCoverage() {
        var generator = Generator(state: 11)
        let truth = 0.06 - 0.10
        var covered = 0
        for repetition in 0..<1000 {
            let differences = (0..<300).map { _ in
                let u = Double.random(in: 0..<1, using: &generator)
                return u < 0.10 ? -1.0 : u < 0.16 ? 1.0 : 0.0
            }
            let interval = Bootstrap.mean(of: differences, resamples: 600, seed: UInt64(repetition))
            if interval.low <= truth, truth <= interval.high { covered += 1 }
        }
        #expect((930...970).contains(covered), "\(covered) of 1,000")
    }

    @Test("bootstrap intervals of ratios and of correlations cover the truth 95 ± 2% of the time")
    func statisticCoverage() {
        var generator = Generator(state: 17)
        func normal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + Double.random(in: 0..<1, using: &generator) } }
        var covered = (ratio: 0, correlation: 0)
        for repetition in 0..<1000 {
            let counts = (0..<120).map { _ in Int.random(in: 5...40, using: &generator) }
            let sums = counts.map { Double($0) * (2 + normal() / 3) }
            let ratio = Bootstrap.ratio(of: sums, per: counts, resamples: 400, seed: UInt64(repetition))
            if ratio.low <= 2, 2 <= ratio.high { covered.ratio += 1 }
            // Correlation 0.6 by construction.
            let x = (0..<200).map { _ in normal() }
            let y = x.map { 0.6 * $0 + 0.8 * normal() }
            let correlation = Bootstrap.statistic(rows: 200, resamples: 300, seed: UInt64(repetition)) { rows in
                Correlation.pearson(rows.map { x[$0] }, rows.map { y[$0] })
            }
            if correlation.low <= 0.6, 0.6 <= correlation.high { covered.correlation += 1 }
        }
        #expect((930...970).contains(covered.ratio), "\(covered.ratio) of 1,000")
        #expect((930...970).contains(covered.correlation), "\(covered.correlation) of 1,000")
    }

    @Test("Wilson's interval covers the true accuracy 95 ± 2% of the time")
    func wilsonCoverage() {
        var generator = Generator(state: 5)
        var covered = 0
        for _ in 0..<1000 {
            let hits = (0..<200).count { _ in Double.random(in: 0..<1, using: &generator) < 0.9 }
            let interval = Estimate.wilson(successes: hits, trials: 200)
            if interval.low <= 0.9, 0.9 <= interval.high { covered += 1 }
        }
        #expect((930...970).contains(covered), "\(covered) of 1,000")
    }

    @Test("the minimum detectable effect is found by McNemar's test about four times out of five")
    func power() {
        var generator = Generator(state: 23)
        let rows = 2000
        let effect = McNemar.minimumDetectableEffect(discordant: 160, rows: rows)
        let lost = 0.04 + effect / 2
        var found = 0
        for _ in 0..<600 {
            var flips = (lost: 0, won: 0)
            for _ in 0..<rows {
                let u = Double.random(in: 0..<1, using: &generator)
                if u < lost { flips.lost += 1 } else if u < 0.08 { flips.won += 1 }
            }
            if McNemar.exactP(lost: flips.lost, won: flips.won) < 0.05 { found += 1 }
        }
        // The exact test is a little conservative: 76 to 80%.
        #expect((430...500).contains(found), "\(found) of 600")
    }

    @Test("the order of the rows changes no bit of any statistic")
    func orderInvariance() {
        var generator = Generator(state: 3)
        let rows = 400
        let labels = (0..<rows).map { _ in Int.random(in: 0..<3, using: &generator) }
        // Coarse logits, so that many rows tie in confidence.
        func logits() -> [Float] { (0..<rows * 3).map { _ in Float(Int.random(in: -3...3, using: &generator)) / 2 } }
        let (a, b) = (logits(), logits())
        let order = (0..<rows).shuffled(using: &generator)
        func shuffled(_ logits: [Float]) -> [Float] { order.flatMap { logits[$0 * 3..<$0 * 3 + 3] } }
        func statistics(_ a: [Float], _ b: [Float], _ labels: [Int]) -> ([ClassificationMetrics], PairedComparison) {
            let (pa, pb) = (Predictions(logits: a, classes: 3), Predictions(logits: b, classes: 3))
            let metrics = [pa, pb].map { ClassificationMetrics($0, labels: labels) }
            return (metrics, PairedComparison(a: ("a", pa), b: ("b", pb), labels: labels, seed: 9))
        }
        let straight = statistics(a, b, labels)
        let mixed = statistics(shuffled(a), shuffled(b), order.map { labels[$0] })
        #expect(straight.0 == mixed.0)
        #expect(straight.1 == mixed.1)
        let values = (0..<rows).map { _ in Double.random(in: -1...1, using: &generator) }
        #expect(Bootstrap.mean(of: values, seed: 2) == Bootstrap.mean(of: order.map { values[$0] }, seed: 2))
    }

    @Test("the same seed gives the same interval, another seed another one")
    func seeds() {
        var generator = Generator(state: 1)
        let values = (0..<50).map { _ in Double.random(in: 0..<1, using: &generator) }
        #expect(Bootstrap.mean(of: values, seed: 4) == Bootstrap.mean(of: values, seed: 4))
        #expect(Bootstrap.mean(of: values, seed: 4) != Bootstrap.mean(of: values, seed: 5))
    }

    @Test("a model against itself: no divergence, no flips, p = 1, an interval of width zero")
    func identical() {
        let predictions = Predictions(logits: [3, 1, 0.5, 0.7, -2, 9], classes: 2)
        let pair = PairedComparison(a: ("a", predictions), b: ("b", predictions), labels: [0, 0, 1], seed: 0)
        #expect(pair.agreement == 1 && pair.mcnemarP == 1 && pair.wilcoxonP == 1)
        #expect(pair.divergence == .init([0, 0, 0]))
        #expect(pair.accuracyDifference == Estimate(value: 0, low: 0, high: 0))
    }

    @Test("quantiles interpolate linearly")
    func quantiles() {
        #expect(Quantile.linear([7], 0.99) == 7)
        #expect(Quantile.linear([1, 2, 3, 4], 0.5) == 2.5)
        #expect(Quantile.linear([0, 10], 0.9) == 9)
        #expect(Quantile.linear([0, 10], 1) == 10)
    }

    @Test("latency calls the warm-up and then every query, and its percentiles ascend")
    func latency() throws {
        var calls: [Int] = []
        let summary = Latency.measure(queries: 30, warmUp: 3, threads: 2) { calls.append($0) }
        #expect(calls == [0, 1, 2] + Array(0..<30))
        #expect(summary.queries == 30 && summary.threads == 2)
        #expect(0 < summary.p50 && summary.p50 <= summary.p90 && summary.p90 <= summary.p99)
        struct Failure: Error {}
        #expect(throws: Failure.self) {
            try Latency.measure(queries: 2, warmUp: 0) { if $0 == 1 { throw Failure() } }
        }
    }

    @Test("latency is in milliseconds")
    func latencyUnit() {
        let clock = ContinuousClock()
        let summary = Latency.measure(queries: 1, warmUp: 0) { _ in
            let start = clock.now
            while clock.now - start < .milliseconds(3) {}
        }
        #expect(summary.p50 >= 3 && summary.p50 < 3000)
    }
}
