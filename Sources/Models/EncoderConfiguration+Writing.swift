public import Foundation
import Tensors

extension EncoderConfiguration {
    /// The fields of `config.json` in the published order of names; its keys are these names in snake case.
    private struct File: Encodable {
        var architectures: [String]
        var modelType: String
        var vocabSize: Int
        var maxPositionEmbeddings: Int
        var typeVocabSize: Int?
        var padTokenId: Int
        var layerNormEps: Float?
        var positionEmbeddingType: String?
        var id2label: [String: String]?
        var label2id: [String: Int]?
        var problemType: String?
        var attentionHeadSize: Int?
        var layerAttentionHeads: [Int]?
        var layerIntermediateSizes: [Int]?
        var pooling: Pooling?

        // BERT and RoBERTa.
        var hiddenSize: Int?
        var numHiddenLayers: Int?
        var numAttentionHeads: Int?
        var intermediateSize: Int?
        var hiddenAct: String?
        var hiddenDropoutProb: Float?
        var attentionProbsDropoutProb: Float?
        var classifierDropout: Float?

        // DistilBERT.
        var dim: Int?
        var nLayers: Int?
        var nHeads: Int?
        var hiddenDim: Int?
        var activation: String?
        var dropout: Float?
        var attentionDropout: Float?
        var seqClassifDropout: Float?
    }

    /// The text of `config.json`: sorted keys, the same bytes for the same configuration.
    public func json() throws -> Data {
        let even =
            Set(heads).count == 1 && Set(feedForward).count == 1 && feedForward[0] > 0
            && heads[0] * headSize == hiddenSize
        var file = File(
            architectures: [architecture], modelType: family.rawValue, vocabSize: vocabularySize,
            maxPositionEmbeddings: maximumPositions + positionOffset, padTokenId: max(0, positionOffset - 1),
            attentionHeadSize: even ? nil : headSize, layerAttentionHeads: even ? nil : heads,
            layerIntermediateSizes: even ? nil : feedForward)
        if classifies {
            file.id2label = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ("\($0.offset)", $0.element) })
            file.label2id = Dictionary(
                labels.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
            file.pooling = pooling == .first ? nil : pooling
            if head == .regression { file.problemType = "regression" }
            // One number is a regression where nothing is said.
            if head == .classification, labels.count == 1 { file.problemType = "single_label_classification" }
        }
        let largest = max(1, feedForward.max() ?? 1)
        let uniformHeads = even ? heads[0] : max(1, hiddenSize / headSize)
        if family == .distilbert {
            (file.dim, file.nLayers, file.nHeads, file.hiddenDim) = (
                hiddenSize, layers, uniformHeads, largest
            )
            (file.activation, file.dropout, file.attentionDropout) = (activationName, hiddenDropout, attentionDropout)
            file.seqClassifDropout = headDropout ?? hiddenDropout
        } else {
            (file.hiddenSize, file.numHiddenLayers) = (hiddenSize, layers)
            (file.numAttentionHeads, file.intermediateSize) = (uniformHeads, largest)
            (file.hiddenAct, file.typeVocabSize, file.layerNormEps) = (activationName, tokenTypes, layerNormEpsilon)
            (file.hiddenDropoutProb, file.attentionProbsDropoutProb) = (hiddenDropout, attentionDropout)
            (file.classifierDropout, file.positionEmbeddingType) = (headDropout, "absolute")
        }
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode(file)
    }

    /// The class of the reference implementation that such a checkpoint is of.
    public var architecture: String {
        let name =
            switch family {
            case .bert: "Bert"
            case .roberta: "Roberta"
            case .xlmRoberta: "XLMRoberta"
            case .distilbert: "DistilBert"
            }
        return switch head {
        case .classification, .regression: name + "ForSequenceClassification"
        case .maskedLanguageModel: name + "ForMaskedLM"
        case .embedding, .none: name + "Model"
        }
    }

    private var activationName: String {
        switch activation {
        case .gelu: "gelu"
        case .geluTanh: "gelu_pytorch_tanh"
        case .relu: "relu"
        }
    }
}
