/// Embeds: {"id", "embedding": [number]}.
struct EmbeddingPredictor: Predictor {
    let texts: EncodedTexts

    private struct Answer: Encodable {
        var id: PredictionRequest.ID
        var embedding: [Float]
    }

    func answer(_ requests: [PredictionRequest]) throws {
        guard !requests.isEmpty else { return }
        for (request, embedding) in zip(requests, try texts.outputs(requests)) {
            try JSONLineWriter().write(Answer(id: request.id, embedding: embedding))
        }
    }
}
