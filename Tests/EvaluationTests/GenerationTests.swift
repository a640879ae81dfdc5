import Evaluation
import Testing

/// The whole comparison with sacrebleu and rouge-score is `Tests/Consumers/statistics_agree.py`.
@Suite("Scores of generated texts")
struct GenerationTests {
    private let texts = ["the cat is on the mat", "It costs $3,000.50 (really?)", ""]
    private let expected = ["The cat sat on the mat.", "It costs $3,000.50 - really.", "nothing"]

    private func value(_ metric: Gate.Metric, _ texts: [String], _ expected: [String]) -> Double? {
        GenerationMetrics(texts, expected: expected).value(metric, rows: Array(texts.indices))
    }

    /// sacrebleu 2.6.0, rouge-score 0.1.2.
    @Test("equal the reference implementations' scores")
    func golden() throws {
        for (metric, score) in [
            (Gate.Metric.bleu, 29.475595672967387), (.chrf, 61.428880927437326), (.chrfPlusPlus, 58.41000368684901),
            (.rouge1, 0.6111111111111112), (.rouge2, 0.5333333333333333), (.rougeL, 0.6111111111111112),
            (.exactMatch, 0),
        ] {
            let found = try #require(value(metric, texts, expected))
            #expect(abs(found - score) < 1e-9, "\(metric): \(found)")
        }
    }

    @Test("equal texts have the best score, texts without anything in common the worst, no rows none")
    func bounds() {
        let same = ["one two three four five", "six seven eight nine"]
        for metric in [Gate.Metric.bleu, .chrf, .chrfPlusPlus] {
            #expect(abs((value(metric, same, same) ?? 0) - 100) < 1e-9)
            #expect(value(metric, ["zz"], ["aa"]) == 0)
            #expect(value(metric, [], []) == nil)
        }
        for metric in [Gate.Metric.rouge1, .rouge2, .rougeL, .exactMatch] { #expect(value(metric, same, same) == 1) }
        #expect(value(.accuracy, same, same) == nil)
    }

    @Test("the order of the rows changes no bit")
    func order() {
        let order = [2, 0, 1]
        for metric in [Gate.Metric.bleu, .chrf, .chrfPlusPlus, .rouge1, .rouge2, .rougeL, .exactMatch] {
            #expect(
                value(metric, texts, expected) == value(metric, order.map { texts[$0] }, order.map { expected[$0] }))
        }
    }
}
