import Evaluation
import Foundation
import Testing

@Suite("Correlations and resampled statistics")
struct CorrelationTests {
    @Test("are those of scipy 1.17.1, ties included")
    func golden() {
        // scipy.stats.pearsonr and spearmanr of these lists.
        let a = [1.0, 2, 2, 5, 3, 8, 13, 2.5]
        let b = [0.5, 1, 3, 3, 2, 9, 4, -1]
        #expect(abs(Correlation.pearson(a, b) - 0.617_341_027_410_493) < 1e-9)
        #expect(abs(Correlation.spearman(a, b) - 0.728_915_662_650_602) < 1e-9)
        #expect(Correlation.spearman([1, 10, 100, 1000], [2, 3, 5, 7]) == 1)
        #expect(Correlation.spearman([1, 2, 3], [3, 2, 1]) == -1)
    }

    @Test("of a list that does not vary are 0")
    func constant() {
        #expect(Correlation.pearson([1, 1, 1], [1, 2, 3]) == 0)
        #expect(Correlation.spearman([1, 2, 3], [4, 4, 4]) == 0)
        // Numbers that are equal although their mean, rounded, is another one.
        let tenths = [Double](repeating: 0.1, count: 3)
        #expect(Correlation.pearson(tenths, tenths) == 0)
        #expect(Correlation.spearman([], []) == 0)
    }

    @Test("do not depend on the size of the numbers", arguments: [1e-200, 1e-30, 1e30, 1e200])
    func sizes(scale: Double) {
        let a = [1.0, 2, 2, 5, 3, 8, 13, 2.5]
        let b = [0.5, 1, 3, 3, 2, 9, 4, -1].map { $0 * scale }
        #expect(abs(Correlation.pearson(a, b) - 0.617_341_027_410_493) < 1e-9)
        #expect(abs(Correlation.pearson(b, b) - 1) < 1e-12 && Correlation.pearson(b, b) <= 1)
    }

    @Test("a mean by resampling is the bootstrap of the mean, whatever the statistic's form")
    func bootstrap() {
        let values = (0..<200).map { Double(($0 * 37) % 101) }.sorted()
        let mean = Bootstrap.mean(of: values, resamples: 400, seed: 5)
        let found = Bootstrap.statistic(rows: 200, resamples: 400, seed: 5) { rows in
            rows.reduce(0) { $0 + values[$1] } / Double(rows.count)
        }
        #expect(abs(found.value - mean.value) < 1e-9)
        #expect(abs(found.low - mean.low) < 1e-9 && abs(found.high - mean.high) < 1e-9)
        #expect(found.low < found.value && found.value < found.high)
        // Rows of equal size are rows of the mean; of unequal size, what is the same everywhere stays the same.
        let equal = Bootstrap.ratio(of: values, per: values.map { _ in 1 }, resamples: 400, seed: 5)
        #expect(abs(equal.low - mean.low) < 1e-9 && abs(equal.high - mean.high) < 1e-9)
        let counts = (0..<50).map { 1 + $0 * $0 % 17 }
        let constant = Bootstrap.ratio(of: counts.map(Double.init), per: counts, seed: 1)
        #expect(constant == Estimate(value: 1, low: 1, high: 1))
    }
}
