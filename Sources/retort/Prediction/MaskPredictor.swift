import Evaluation
import Files
import Foundation
import Models
import Recipes
import Tensors
import Tokenizers

/// Fills masks: {"id", "masks": [[{"token", "id", "score"}]]}, for each mask token of the text the likeliest tokens.
struct MaskPredictor: Predictor {
    private let texts: EncodedTexts
    private let encoder: Encoder
    private let mask: Int32
    private let top: Int

    private struct Guess: Encodable {
        var token: String
        var id: Int32
        var score: Double
    }

    private struct Answer: Encodable {
        var id: PredictionRequest.ID
        var masks: [[Guess]]
    }

    /// - Throws: `InputError` where the tokenizer has no mask token.
    init(texts: EncodedTexts, top: Int) throws {
        guard let mask = texts.model.tokenizer.special.mask, let encoder = texts.model.classifier as? Encoder else {
            throw InputError(
                file: texts.model.url.path, problem: "the tokenizer has no mask token",
                remedy: "give the tokenizer that the model was trained with")
        }
        self.texts = texts
        self.encoder = encoder
        self.mask = mask
        self.top = top
    }

    func answer(_ requests: [PredictionRequest]) throws {
        guard !requests.isEmpty else { return }
        let batch = try texts.batch(requests)
        let rows = batch.tokens.indices.filter { batch.tokens[$0] == mask }
        var guesses: [Int: [Guess]] = [:]
        if !rows.isEmpty {
            let logits = encoder.forward(batch, on: Tape(recording: false), predicting: rows.map(Int32.init)).logits
                .value
            guard logits.isFinite else {
                throw InputError(
                    file: texts.model.url.path, problem: "the model gives logits that are NaN or infinite",
                    remedy: "its weights have diverged or its file is damaged: train or export it again")
            }
            let predictions = Predictions(logits: logits.values, classes: logits.width)
            for (place, row) in rows.enumerated() { guesses[row] = best(predictions.probabilities(row: place)) }
        }
        for (index, request) in requests.enumerated() {
            try JSONLineWriter().write(Answer(id: request.id, masks: batch.offsets[index].compactMap { guesses[$0] }))
        }
    }

    /// The likeliest of the tokens that the vocabulary names; equal ones in the order of their ids.
    private func best(_ scores: [Double]) -> [Guess] {
        let named = scores.indices.prefix(texts.model.tokenizer.vocabularySize)
        return named.sorted { (scores[$1], $0) < (scores[$0], $1) }.prefix(top).map {
            Guess(token: texts.model.tokenizer.token(Int32($0)), id: Int32($0), score: scores[$0])
        }
    }
}
