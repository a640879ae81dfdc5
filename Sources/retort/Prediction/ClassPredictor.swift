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
        for (request, logits) in zip(requests, try texts.outputs(requests)) {
            let scores = probabilities(logits)
            let best = scores.indices.max { scores[$0] < scores[$1] }!
            try printAnswer(
                Answer(
                    id: request.id, label: labels[best], score: scores[best],
                    scores: Dictionary(zip(labels, scores), uniquingKeysWith: +), logits: withLogits ? logits : nil))
        }
    }
}
