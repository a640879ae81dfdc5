import Foundation

extension Report {
    /// Judges gates on the subject.
    struct Judge {
        let models: [Model]
        let pairs: [PairedComparison]
        let data: EvaluationData
        let reference: String
        let subject: String
        let seed: UInt64

        /// - Parameter strict: on the far end of the margin's paired bootstrap interval.
        func outcome(_ gate: Gate, strict: Bool) -> GateOutcome {
            func value(_ key: String) -> Double {
                let metrics = models.first { $0.result.key == key }?.metrics
                let pair = pairs.first { $0.a == reference && $0.b == key }
                // Every key and metric was checked before.
                return gate.metric.value(metrics: metrics, pair: pair) ?? .nan
            }
            let (own, other) = (value(subject), gate.threshold.model.map(value))
            guard strict else { return gate.outcome(value: own, modelValue: other) }
            return gate.strictOutcome(value: own, modelValue: other, margin: margin(gate))
        }

        private func margin(_ gate: Gate) -> Estimate {
            let order = canonicalOrder
            let mine = model(subject).predictions
            let theirs = gate.threshold.model.map { model($0).predictions }
            let pairedWith = model(reference).predictions
            // Of each row once: resamples add them up.
            let divergences = gate.metric == .klMean ? pairedWith.divergences(to: mine) : []
            func statistic(_ predictions: Predictions) -> ([Int]) -> Double {
                { rows in
                    let rows = rows.map { order[$0] }
                    return gate.metric == .klMean
                        ? rows.reduce(0) { $0 + divergences[$1] } / Double(rows.count)
                        : Self.value(gate.metric, predictions, beside: pairedWith, data.labels, rows)
                }
            }
            return gate.margin(rows: order.count, seed: seed, of: statistic(mine), against: theirs.map(statistic))
        }

        private func model(_ key: String) -> Model { models.first { $0.result.key == key }! }

        /// The rows by what stands in them.
        private var canonicalOrder: [Int] {
            data.labels.indices.sorted {
                (data.texts[$0], data.labels[$0], data.ids[$0]) < (data.texts[$1], data.labels[$1], data.ids[$1])
            }
        }

        private static func value(
            _ metric: Gate.Metric, _ predictions: Predictions, beside reference: Predictions, _ labels: [Int],
            _ rows: [Int]
        ) -> Double {
            let n = Double(rows.count)
            func confusion() -> ConfusionMatrix {
                ConfusionMatrix(
                    predicted: rows.map { predictions.labels[$0] }, labels: rows.map { labels[$0] },
                    classes: predictions.classes)
            }
            switch metric {
            case .accuracy: return Double(rows.count { predictions.labels[$0] == labels[$0] }) / n
            case .agreement: return Double(rows.count { predictions.labels[$0] == reference.labels[$0] }) / n
            case .macroF1: return confusion().macroF1
            case .matthews: return confusion().matthews
            case .ece:
                return Calibration(
                    confidences: rows.map { exp(predictions.logProbability(row: $0, class: predictions.labels[$0])) },
                    correct: rows.map { predictions.labels[$0] == labels[$0] }
                ).expectedError
            default: return .nan
            }
        }
    }

    /// The rows that a failed gate is about: which the reference has right and the subject wrong, or without a reference all
    /// that the subject has wrong; the surest mistakes first.
    public var failingRows: [Int] {
        let (mine, theirs) = (model(subject).predictions, model(reference).predictions)
        let wrong = data.labels.indices.filter { row in
            mine.labels[row] != data.labels[row] && (subject == reference || theirs.labels[row] == data.labels[row])
        }
        guard mine.hasProbabilities else { return wrong.sorted { data.ids[$0] < data.ids[$1] } }
        let confidences = mine.confidences
        return wrong.sorted { (-confidences[$0], data.ids[$0]) < (-confidences[$1], data.ids[$1]) }
    }

    /// A row for a message: its id, what is expected, what came, and the beginning of its text.
    public func described(row: Int) -> String {
        let names = data.classNames
        let text = data.texts[row].split(whereSeparator: \.isNewline).joined(separator: " ")
        return "\(data.ids[row]): expected \(names[data.labels[row]]), got "
            + "\(names[model(subject).predictions.labels[row]]): \(text.prefix(80))\(text.count > 80 ? "…" : "")"
    }
}

extension Gate.Metric {
    func value(metrics: ClassificationMetrics?, pair: PairedComparison?) -> Double? {
        switch self {
        case .accuracy: metrics?.accuracy.value
        case .macroF1: metrics?.macroF1
        case .matthews: metrics?.matthews
        case .ece: metrics?.ece
        case .agreement: pair?.agreement
        case .klMean: pair?.divergence?.mean
        default: nil
        }
    }
}
