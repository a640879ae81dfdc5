import Foundation

/// A row to which the reference and the final model give different labels.
struct Disagreement {
    struct Answer {
        var label: String
        var probability: Double?
        var isRight: Bool
    }

    var id: String
    var text: String
    var label: String
    var reference: Answer
    var subject: Answer
    /// KL(reference ‖ subject) in nats; 0 where it is not known.
    var divergence: Double
}

extension Report {
    /// The rows to which `reference` and `subject` give different labels, the furthest apart first; ties by id.
    func worstDisagreements(limit: Int) -> [Disagreement] {
        guard reference != subject else { return [] }
        let (a, b) = (model(reference).predictions, model(subject).predictions)
        let isKnown = a.hasProbabilities && b.hasProbabilities
        let divergences = isKnown ? a.divergences(to: b) : [Double](repeating: 0, count: data.labels.count)
        let worst = data.labels.indices.filter { a.labels[$0] != b.labels[$0] }
            .sorted { (-divergences[$0], data.ids[$0]) < (-divergences[$1], data.ids[$1]) }
        func answer(_ predictions: Predictions, _ row: Int) -> Disagreement.Answer {
            let label = predictions.labels[row]
            return Disagreement.Answer(
                label: data.classNames[label],
                probability: predictions.hasProbabilities
                    ? exp(predictions.logProbability(row: row, class: label)) : nil,
                isRight: label == data.labels[row])
        }
        return worst.prefix(limit).map { row in
            Disagreement(
                id: data.ids[row], text: data.texts[row], label: data.classNames[data.labels[row]],
                reference: answer(a, row), subject: answer(b, row), divergence: divergences[row])
        }
    }
}
