import Evaluation
import Files
import Foundation
import Models
import Tokenizers

extension Comparison {
    /// Regressions, against the numbers of the label column, and embeddings, against those of the other side.
    func valueReport(_ kind: RecordedAnswers.Kind) throws -> ScoreReport {
        let isRegression = kind == .number
        let gates = try gates(isRegression ? Gate.Metric.ofRegression : [.similarity])
        let outputs = try sides.map { try self.outputs($0, kind) }
        let order = examples.order
        if isRegression { _ = try requireLabels("judging regressions") }
        let truth = isRegression ? try examples.numbers(options.label) : []
        let pairs = isRegression ? [:] : Self.partners(order)
        if !isRegression, sides.count == 1 {
            throw InputError(
                field: "--against", problem: "an embedding model is judged by what another one finds alike",
                remedy: "give a second model")
        }
        if !isRegression, examples.count < 2 {
            throw InputError(
                file: examples.file, problem: "there is one row, and embeddings are judged by pairs of texts",
                remedy: "give more rows")
        }
        let rows = try zip(sides, outputs).map { side, own in
            let other = outputs[0]
            let numbers = own.numbers
            let (cosines, otherCosines) = isRegression ? ([:], [:]) : (own.cosines(pairs), other.cosines(pairs))
            return RowScores(
                key: side.key, name: side.name, path: side.contestant.path, parameters: side.parameters,
                bytes: try side.contestant.bytes(), latency: try latency(side),
                alone: isRegression ? [.pearson, .spearman, .rmse] : [], compared: [.similarity],
                error: "absolute error", errors: isRegression ? zip(numbers, truth).map { abs($0 - $1) } : []
            ) { metric, rows in
                let (x, y) = isRegression ? (rows.map { numbers[$0] }, rows.map { truth[$0] }) : ([], [])
                switch metric {
                case .pearson: return Correlation.pearson(x, y)
                case .spearman: return Correlation.spearman(x, y)
                case .rmse:
                    let squares = zip(x, y).map { ($0 - $1) * ($0 - $1) }.sorted()
                    return (squares.reduce(0, +) / Double(squares.count)).squareRoot()
                case .similarity where isRegression:
                    return Correlation.spearman(x, rows.map { other.numbers[$0] })
                case .similarity:
                    return Correlation.spearman(
                        rows.flatMap { cosines[$0] ?? [] }, rows.flatMap { otherCosines[$0] ?? [] })
                default: return nil
                }
            }
        }
        let samples = (isRegression ? Array(examples.ids.indices) : []).map { row in
            sample(
                row, expected: examples.labels?[row], answer: { "\(Float(outputs[$0].numbers[row]))" },
                error: { rows[$0].errors[row] })
        }
        return try ScoreReport(
            task: isRegression ? "regression" : "embedding", record: record(),
            data: "\(grouped(examples.count)) rows", rows: rows, order: order,
            gates: gates, strict: options.strict,
            reference: sides[0].key, subject: "model", slices: examples.slices(options.slices), samples: samples,
            seed: options.seed)
    }

    /// Eight partners of each row, the same whatever the order of the file.
    private static func partners(_ order: [Int]) -> [Int: [Int]] {
        Dictionary(grouping: TextOutputs.pairs(order.count, seed: 0), by: \.0).reduce(into: [:]) { result, entry in
            result[order[entry.key]] = entry.value.map { order[$0.1] }
        }
    }

    private func outputs(_ side: Side, _ kind: RecordedAnswers.Kind) throws -> TextOutputs {
        switch side.contestant {
        case .encoder(let model):
            let configuration = model.classifier.configuration
            let rows = model.tokenizer.encode(examples.texts, maxLength: configuration.longestText)
            return TextOutputs(
                values: try model.classifier.logits(of: rows, batch: options.batch), width: configuration.outputWidth)
        case .recording(let answers) where kind == .number:
            return TextOutputs(values: try answers.values("value", examples, \.value).map(Float.init), width: 1)
        case .recording(let answers):
            let rows = try answers.values("embedding", examples, \.embedding)
            let width = rows[0].count
            if let odd = rows.indices.first(where: { rows[$0].count != width || width == 0 }) {
                throw InputError(
                    file: answers.path, line: answers.lines[odd], field: "embedding",
                    problem: "\(rows[odd].count) numbers for \"\(examples.ids[odd])\", \(width) in the first answer",
                    remedy: "record embeddings of one width")
            }
            return TextOutputs(values: rows.flatMap { $0.map(Float.init) }, width: width)
        case .decoder: preconditionFailure("a decoder among encoders")
        }
    }

    /// Of single queries, from the text to the answer.
    func latency(_ side: Side) throws -> LatencySummary? {
        switch side.contestant {
        case .encoder(let model): try model.latency(of: examples.texts, queries: options.queries)
        case .recording(let answers): answers.latency
        case .decoder: nil
        }
    }
}

extension Comparison.Side {
    /// 0 for a recording.
    var parameters: Int {
        if case .encoder(let model) = contestant { model.classifier.parameterCount } else { 0 }
    }
}

extension TextOutputs {
    /// The cosines of each row with its partners.
    func cosines(_ partners: [Int: [Int]]) -> [Int: [Double]] {
        partners.reduce(into: [:]) { result, entry in
            result[entry.key] = cosines(entry.value.map { (entry.key, $0) })
        }
    }
}
