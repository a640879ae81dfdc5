import Distillation
import Evaluation
import Files
import Foundation
import Models
import Tokenizers

extension Comparison {
    /// Decoders by how likely they find the texts, and how far one's distributions are from the other's.
    func languageModelReport(_ progress: @escaping (Int, Int) throws -> Void) throws -> ScoreReport {
        let gates = try gates(Gate.Metric.of(.languageModel))
        let order = examples.order
        let tokenizers = try sides.map { try DecoderDirectory.readTokenizer(URL(fileURLWithPath: $0.contestant.path)) }
        guard Set(tokenizers.map(\.digest)).count == 1 else {
            throw InputError(
                file: sides[1].contestant.path,
                problem:
                    "its tokenizer is not that of \(sides[0].contestant.path): perplexities per token and distributions "
                    + "over tokens cannot be compared",
                remedy: "compare what they generate: --generate with a column of expected texts (--label)")
        }
        let decoders = try zip(sides, tokenizers).map { side, tokenizer in
            let url = URL(fileURLWithPath: side.contestant.path)
            let decoder = try DecoderDirectory.read(url)
            try DecoderDirectory.check(tokenizer, fits: decoder.configuration, in: url)
            return decoder
        }
        let positions = decoders.map(\.configuration.maximumPositions).min()!
        let rows = Windows(
            texts: order.map { examples.texts[$0] }, tokenizer: tokenizers[0], length: min(positions, 1024))
        guard rows.rows.contains(where: { $0.count > 1 }) else {
            throw InputError(
                file: examples.file, field: options.text, problem: "no text has two tokens or more",
                remedy: "give longer texts")
        }
        let scores = try LanguageModelScores.all(of: decoders, on: rows, progress: progress)
        for (side, own) in zip(sides, scores) where !own.losses.allSatisfy(\.isFinite) {
            throw InputError(
                file: side.contestant.path, problem: "gives texts probabilities that are NaN or 0",
                remedy: "its weights have diverged or its file is damaged: train or export it again")
        }
        let sums = scores.map { TokenSums($0, rows, order) }
        let models = try sides.indices.map { index in
            let sums = sums[index]
            return RowScores(
                key: sides[index].key, name: sides[index].name, path: sides[index].contestant.path,
                parameters: decoders[index].configuration.parameterCount, bytes: try sides[index].contestant.bytes(),
                alone: [.perplexity], compared: [.agreement, .klMean], error: "nats per token",
                errors: examples.texts.indices.map { sums.losses[$0] / Double(max(1, sums.counts[$0])) },
                value: sums.value)
        }
        return try ScoreReport(
            task: "language-model", record: record(),
            data: "\(grouped(examples.count)) texts, \(grouped(rows.rows.reduce(0) { $0 + $1.count })) tokens",
            // Texts of one token say nothing, and resamples of them alone would have no value.
            rows: models, order: order.filter { sums[0].counts[$0] > 0 }, gates: gates, strict: options.strict,
            reference: sides[0].key, subject: "model", slices: examples.slices(options.slices),
            samples: examples.ids.indices.map { row in
                sample(
                    row, expected: nil, answer: { String(format: "%.4f nats per token", models[$0].errors[row]) },
                    error: { models[$0].errors[row] })
            }, seed: options.seed)
    }
}

/// Texts as token rows, long ones in several.
private struct Windows: TokenRows {
    let rows: [[Int32]]
    /// The text of each row.
    let owners: [Int]

    init(texts: [String], tokenizer: any Tokenizer, length: Int) {
        var (rows, owners): ([[Int32]], [Int]) = ([], [])
        for (owner, tokens) in tokenizer.encode(texts, maxLength: .max).enumerated() {
            for start in stride(from: 0, to: tokens.count, by: length) {
                rows.append(Array(tokens[start..<min(start + length, tokens.count)]))
                owners.append(owner)
            }
        }
        (self.rows, self.owners) = (rows, owners)
    }

    var count: Int { rows.count }
    func length(_ row: Int) -> Int { rows[row].count }
    func tokens(_ row: Int) -> [Int32] { rows[row] }
}

/// What a model's numbers come to for each text, in the order of the examples.
private struct TokenSums: Sendable {
    private(set) var counts: [Int]
    private(set) var losses: [Double]
    private var divergences: [Double] = []
    private var agreements: [Double] = []

    init(_ scores: LanguageModelScores, _ rows: Windows, _ order: [Int]) {
        counts = [Int](repeating: 0, count: order.count)
        losses = [Double](repeating: 0, count: order.count)
        if !scores.divergences.isEmpty {
            divergences = losses
            agreements = losses
        }
        for (row, owner) in rows.owners.enumerated() {
            let text = order[owner]
            counts[text] += scores.counts[row]
            losses[text] += scores.losses[row]
            if !divergences.isEmpty {
                divergences[text] += scores.divergences[row]
                agreements[text] += Double(scores.agreements[row])
            }
        }
    }

    var value: RowScores.Statistic {
        { metric, rows in
            let count = rows.reduce(0) { $0 + counts[$1] }
            func mean(_ sums: [Double]) -> Double? {
                guard count > 0, !sums.isEmpty else { return nil }
                // Summed in ascending order: the same bits whatever the order of the rows.
                return rows.map { sums[$0] }.sorted().reduce(0, +) / Double(count)
            }
            switch metric {
            case .perplexity: return mean(losses).map { exp($0) }
            case .klMean: return mean(divergences)
            case .agreement: return mean(agreements)
            default: return nil
            }
        }
    }
}
