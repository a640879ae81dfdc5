import Evaluation
import Models
import Recipes

/// Classifies: {"id", "label", "score", "scores": {label: probability}}, and "logits" where they are asked for.
struct ClassPredictor: Predictor {
    let texts: EncodedTexts
    let withLogits: Bool

    private struct Answer: Encodable {
        var id: PredictionRequest.ID
        var label: String
        var score: Double
        var scores: [String: Double]
        var logits: [Float]?
    }

    func answer(_ requests: [PredictionRequest]) throws {
        guard !requests.isEmpty else { return }
        let labels = texts.model.classifier.configuration.labels
        let outputs = try texts.outputs(requests)
        let predictions = Predictions(logits: outputs.flatMap { $0 }, classes: labels.count)
        for (row, (request, logits)) in zip(requests, outputs).enumerated() {
            let (best, scores) = (predictions.labels[row], predictions.probabilities(row: row))
            try JSONLineWriter().write(
                Answer(
                    id: request.id, label: labels[best], score: scores[best],
                    scores: Dictionary(zip(labels, scores), uniquingKeysWith: +), logits: withLogits ? logits : nil))
        }
    }
}
