extension ScoreReport {
    /// The results as an aligned table for the terminal: plain text, no trailing newline.
    public func table() -> String {
        let lines = AlignedTable.lines([columns] + cells)
        let rule = String(repeating: "─", count: lines[0].count)
        return ([lines[0], rule] + lines.dropFirst()).joined(separator: "\n")
    }

    /// The titles of the columns.
    var columns: [String] {
        ["Model", "Parameters", "Size"] + (metrics.alone + metrics.compared).map(\.title)
    }

    /// A row per model.
    var cells: [[String]] {
        models.map { model in
            [
                model.name, model.parameters > 0 ? Notation.count(model.parameters) : Notation.none,
                model.bytes.map { Notation.bytes(Double($0)) } ?? Notation.none,
            ]
                + metrics.alone.map { Self.cell($0, model.scores) }
                + metrics.compared.map { Self.cell($0, model.comparisons) }
        }
    }

    private static func cell(_ metric: Gate.Metric, _ scores: [Score]) -> String {
        guard let estimate = scores.first(where: { $0.metric == metric })?.estimate else { return Notation.none }
        guard estimate.low < estimate.high else { return metric.written(estimate.value) }
        return "\(metric.written(estimate.value)) (\(metric.written(estimate.low))–\(metric.written(estimate.high)))"
    }
}

extension Gate.Metric {
    /// For a column of a table.
    var title: String {
        switch self {
        case .accuracy: "Accuracy"
        case .macroF1: "Macro F1"
        case .matthews: "Matthews"
        case .ece: "ECE"
        case .agreement: "Agreement"
        case .klMean: "Mean KL"
        case .perplexity: "Perplexity"
        case .pearson: "Pearson"
        case .spearman: "Spearman"
        case .rmse: "RMSE"
        case .similarity: "Similarity"
        case .exactMatch: "Exact match"
        case .chrf: "chrF"
        case .chrfPlusPlus: "chrF++"
        case .bleu: "BLEU"
        case .rouge1: "ROUGE-1"
        case .rouge2: "ROUGE-2"
        case .rougeL: "ROUGE-L"
        }
    }

    /// A value as people read it.
    func written(_ value: Double) -> String {
        switch self {
        case .accuracy, .agreement, .exactMatch: Notation.percent(value)
        case .perplexity, .chrf, .chrfPlusPlus, .bleu: Notation.fixed(value, 2)
        case .macroF1, .matthews, .ece, .klMean, .pearson, .spearman, .rmse, .similarity, .rouge1, .rouge2, .rougeL:
            Notation.fixed(value, 4)
        }
    }
}
