import Models
import Recipes

/// Gives numbers: {"id", "value"}, or {"id", "values": {name: number}} where the model gives several.
struct RegressionPredictor: Predictor {
    let texts: EncodedTexts

    private struct Answer: Encodable {
        var id: PredictionRequest.ID
        var value: Float?
        var values: [String: Float]?
    }

    func answer(_ requests: [PredictionRequest]) throws {
        guard !requests.isEmpty else { return }
        let names = texts.model.classifier.configuration.labels
        for (request, numbers) in zip(requests, try texts.outputs(requests)) {
            let values = Dictionary(zip(names, numbers), uniquingKeysWith: { first, _ in first })
            try JSONLineWriter().write(
                numbers.count == 1
                    ? Answer(id: request.id, value: numbers[0]) : Answer(id: request.id, values: values))
        }
    }
}
