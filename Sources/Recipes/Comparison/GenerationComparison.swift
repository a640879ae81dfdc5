import Evaluation
import Files
import Foundation
import Models

extension Comparison {
    /// Generated texts against the expected ones.
    func generationReport(_ progress: @escaping (Int, Int) throws -> Void) throws -> ScoreReport {
        let expected = try requireLabels("judging generated texts")
        let similarity = try options.embedder.map(TextSimilarity.init)
        let gates = try gates(Gate.Metric.ofGeneration + (similarity == nil ? [] : [.similarity]))
        for case .decoder(let url) in sides.map(\.contestant) {
            try GeneratedTexts.requireRoom(for: examples, in: url)
        }
        let texts = try sides.enumerated().map { index, side in
            try self.generated(side) { try progress(index * $1 + $0, sides.count * $1) }
        }
        let order = examples.order
        let models = try zip(sides, texts).map { side, own in
            let metrics = GenerationMetrics(own.texts, expected: expected)
            let cosines = try similarity?.cosines(own.texts, expected)
            let same = zip(own.texts, texts[0].texts).map { $0 == $1 }
            return RowScores(
                key: side.key, name: side.name, path: side.contestant.path, parameters: 0,
                bytes: try side.contestant.bytes(), latency: own.latency,
                alone: [.exactMatch, .chrf, .chrfPlusPlus, .bleu, .rouge1, .rouge2, .rougeL]
                    + (cosines == nil ? [] : [.similarity]),
                compared: [.agreement], error: "100 − chrF", errors: metrics.rows.map { 100 - $0.chrf }
            ) { metric, rows in
                switch metric {
                case .agreement: return Double(rows.count { same[$0] }) / Double(rows.count)
                case .similarity:
                    return cosines.map { values in
                        rows.map { values[$0] }.sorted().reduce(0, +) / Double(rows.count)
                    }
                default: return metrics.value(metric, rows: rows)
                }
            }
        }
        return try ScoreReport(
            task: "generation", record: record(), data: "\(grouped(examples.count)) prompts", rows: models,
            order: order,
            gates: gates, strict: options.strict,
            reference: sides[0].key, subject: "model", slices: examples.slices(options.slices),
            samples: examples.ids.indices.map { row in
                sample(
                    row, expected: expected[row], answer: { texts[$0].texts[row] },
                    error: { models[$0].errors[row] })
            }, seed: options.seed)
    }

    func generated(_ side: Side, _ progress: (Int, Int) throws -> Void) throws -> GeneratedTexts {
        switch side.contestant {
        case .decoder(let url):
            try GeneratedTexts(
                continuing: examples.texts, with: url, maxTokens: options.maxTokens, progress: progress)
        case .recording(let answers): try GeneratedTexts(answers, examples)
        case .encoder: preconditionFailure("an encoder among generators")
        }
    }
}
