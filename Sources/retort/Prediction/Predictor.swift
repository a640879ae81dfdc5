import Files
import Foundation
import Models
import Recipes
import Tensors
import Tokenizers

/// Answers requests with a model: a type per task.
protocol Predictor {
    /// Prints a JSON object for each request, in their order.
    func answer(_ requests: [PredictionRequest]) throws
}

/// What a person asked for on the command line.
struct PredictionOptions {
    var maxLength: Int?
    var withLogits = false
    /// Tokens that are named for each mask.
    var top = 5
}

extension LoadedModel {
    /// What answers for this model's task.
    ///
    /// - Throws: `InputError` for an option that does not fit the model.
    func predictor(_ options: PredictionOptions) throws -> any Predictor {
        let texts = try EncodedTexts(self, maxLength: options.maxLength)
        switch classifier.configuration.head {
        case .classification: return ClassPredictor(texts: texts, withLogits: options.withLogits)
        case .regression: return RegressionPredictor(texts: texts)
        case .embedding: return EmbeddingPredictor(texts: texts)
        case .maskedLanguageModel: return try MaskPredictor(texts: texts, top: options.top)
        case .none:
            throw InputError(
                file: url.path, problem: "the model has no head, so there is nothing to predict",
                remedy: "give a classifier, a masked language model, or sentence embeddings with their modules.json")
        }
    }
}

/// Texts as a model reads them, and what it gives for them.
struct EncodedTexts {
    let model: LoadedModel
    private let maxLength: Int

    /// - Parameter maxLength: longest input in tokens; nil takes the model's own limit.
    /// - Throws: `InputError` for more than the model has positions, or less than a template needs.
    init(_ model: LoadedModel, maxLength: Int?) throws {
        self.model = model
        let positions = model.classifier.configuration.maximumPositions
        if let maxLength, maxLength > positions {
            throw InputError(
                field: "--max-length", problem: "\(maxLength) is more than the model's \(positions) positions",
                remedy: "give at most \(positions)")
        }
        if let maxLength { try model.tokenizer.requireRoom(in: maxLength, field: "--max-length") }
        self.maxLength = maxLength ?? model.classifier.configuration.longestText
    }

    /// The requests as one packed batch; token types as far as the model has them.
    ///
    /// - Throws: `InputError` for a text without tokens, or a pair where the limit has no room for its separators.
    func batch(_ requests: [PredictionRequest]) throws -> PackedBatch {
        let samples = Array(requests.indices)
        func check(_ ids: [[Int32]]) throws -> [[Int32]] {
            guard let empty = ids.firstIndex(where: \.isEmpty) else { return ids }
            throw InputError(
                file: "standard input", line: requests[empty].number, problem: "the text has no tokens",
                remedy: "leave it out; this tokenizer adds none of its own")
        }
        guard requests.contains(where: { $0.textPair != nil }) else {
            return PackedBatch(
                try check(model.tokenizer.encode(requests.map(\.text), maxLength: maxLength)), samples: samples)
        }
        let needed = model.tokenizer.templateTokens(isPair: true)
        guard maxLength >= needed else {
            throw InputError(
                field: "--max-length", problem: "\(maxLength) tokens hold no pair of texts",
                remedy: "give at least \(needed)")
        }
        let encodings = requests.map {
            model.tokenizer.encoding(of: $0.text, pair: $0.textPair, addingSpecialTokens: true, maxLength: maxLength)
        }
        let last = Int32(max(model.classifier.configuration.tokenTypes - 1, 0))
        return PackedBatch(
            try check(encodings.map(\.ids)), types: encodings.map { $0.typeIDs.map { min($0, last) } }, samples: samples
        )
    }

    /// What the head gives for each request, of a head for whole texts.
    func outputs(_ requests: [PredictionRequest]) throws -> [[Float]] {
        let width = model.classifier.configuration.outputWidth
        let values = try model.classifier.finiteLogits(batch(requests)).values
        return requests.indices.map { Array(values[$0 * width..<($0 + 1) * width]) }
    }
}
