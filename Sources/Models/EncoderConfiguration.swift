import Files
public import Foundation

/// The shape of a BERT-family encoder with a classification head, as `config.json` states it.
///
/// The keys are those of published BERT checkpoints. Layers may differ in their number of heads and in their
/// feed-forward size: `layer_attention_heads` and `layer_intermediate_sizes` carry that, with `attention_head_size`.
public struct EncoderConfiguration: Equatable, Sendable {
    public enum Pooling: String, Sendable, Codable {
        /// The hidden state of the first position, through a dense layer and tanh, as BERT does.
        case first
        /// The mean over all positions, through a dense layer and tanh.
        case mean
    }

    public var vocabularySize: Int
    public var hiddenSize: Int
    /// Width of one head (D); the same in all layers.
    public var headSize: Int
    /// Heads per layer (H).
    public var heads: [Int]
    /// Width of the feed-forward block per layer.
    public var feedForward: [Int]
    public var maximumPositions: Int
    public var tokenTypes: Int
    public var layerNormEpsilon: Float
    public var hiddenDropout: Float
    public var attentionDropout: Float
    public var pooling: Pooling
    /// Class names in the order of the logits.
    public var labels: [String]

    public var layers: Int { heads.count }

    /// An encoder whose layers all have the same sizes.
    public init(
        vocabularySize: Int, hiddenSize: Int, layers: Int, heads: Int, feedForward: Int, maximumPositions: Int,
        dropout: Float, pooling: Pooling, labels: [String]
    ) {
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        headSize = hiddenSize / heads
        self.heads = Array(repeating: heads, count: layers)
        self.feedForward = Array(repeating: feedForward, count: layers)
        self.maximumPositions = maximumPositions
        tokenTypes = 2
        layerNormEpsilon = 1e-12
        hiddenDropout = dropout
        attentionDropout = dropout
        self.pooling = pooling
        self.labels = labels
    }
}

extension EncoderConfiguration {
    /// The fields of `config.json`; its keys are these names in snake case, those of published checkpoints.
    private struct File: Codable {
        var architectures: [String]?
        var modelType: String?
        var vocabSize: Int?
        var hiddenSize: Int?
        var numHiddenLayers: Int?
        var numAttentionHeads: Int?
        var intermediateSize: Int?
        var hiddenAct: String?
        var maxPositionEmbeddings: Int?
        var typeVocabSize: Int?
        var layerNormEps: Float?
        var hiddenDropoutProb: Float?
        var attentionProbsDropoutProb: Float?
        var positionEmbeddingType: String?
        var padTokenId: Int?
        var id2label: [String: String]?
        var label2id: [String: Int]?
        var attentionHeadSize: Int?
        var layerAttentionHeads: [Int]?
        var layerIntermediateSizes: [Int]?
        var pooling: Pooling?
    }

    /// Reads `config.json`.
    ///
    /// - Throws: `InputErrors` with every key that is missing, of the wrong type or beyond what the encoder computes.
    public init(reading url: URL) throws {
        let file: File
        do {
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            file = try decoder.decode(File.self, from: Data(contentsOf: url))
        } catch let error as DecodingError {
            throw InputError(file: url.path, problem: "not a model configuration: \(Self.reason(error))")
        } catch {
            throw InputError(
                file: url.path, problem: "cannot be read",
                remedy: "a model directory holds config.json, model.safetensors and tokenizer.json")
        }
        var errors: [InputError] = []
        func refuse(_ key: String, _ problem: String) {
            errors.append(InputError(file: url.path, field: key, problem: problem))
        }
        func size(_ key: String, _ value: Int?, limit: Int = 1 << 24) -> Int {
            guard let value, (1...limit).contains(value) else {
                refuse(key, "found \(value.map(String.init) ?? "nothing"), expected a number from 1 to \(limit)")
                return 1
            }
            return value
        }
        if file.modelType != "bert" {
            refuse("model_type", "found \(file.modelType ?? "nothing"); this version reads bert")
        }
        if let activation = file.hiddenAct, activation != "gelu" {
            refuse("hidden_act", "found \(activation); this version computes gelu (the exact form)")
        }
        if let kind = file.positionEmbeddingType, kind != "absolute" {
            refuse("position_embedding_type", "found \(kind); this version computes absolute positions")
        }
        vocabularySize = size("vocab_size", file.vocabSize)
        hiddenSize = size("hidden_size", file.hiddenSize, limit: 1 << 16)
        let layers = size("num_hidden_layers", file.numHiddenLayers, limit: 1024)
        let uniformHeads = size("num_attention_heads", file.numAttentionHeads, limit: 1 << 12)
        let uniformFeedForward = size("intermediate_size", file.intermediateSize, limit: 1 << 20)
        headSize = file.attentionHeadSize ?? hiddenSize / uniformHeads
        heads = file.layerAttentionHeads ?? Array(repeating: uniformHeads, count: layers)
        feedForward = file.layerIntermediateSizes ?? Array(repeating: uniformFeedForward, count: layers)
        maximumPositions = size("max_position_embeddings", file.maxPositionEmbeddings)
        tokenTypes = size("type_vocab_size", file.typeVocabSize ?? 2, limit: 1 << 12)
        layerNormEpsilon = file.layerNormEps ?? 1e-12
        hiddenDropout = file.hiddenDropoutProb ?? 0.1
        attentionDropout = file.attentionProbsDropoutProb ?? 0.1
        pooling = file.pooling ?? .first
        let names = file.id2label ?? ["0": "LABEL_0", "1": "LABEL_1"]
        labels = (0..<names.count).map { names[String($0)] ?? "" }
        if headSize < 1 || headSize > 1 << 12 || file.attentionHeadSize == nil && hiddenSize % uniformHeads != 0 {
            refuse("num_attention_heads", "\(uniformHeads) heads do not divide hiddenSize \(hiddenSize)")
        }
        if heads.count != layers || !heads.allSatisfy((1...4096).contains) {
            refuse("layer_attention_heads", "found \(heads), expected \(layers) numbers of at least 1")
        }
        if feedForward.count != layers || !feedForward.allSatisfy((1...1 << 20).contains) {
            refuse("layer_intermediate_sizes", "found \(feedForward), expected \(layers) numbers of at least 1")
        }
        if Set(labels).count < labels.count, !labels.contains("") {
            refuse("id2label", "two classes have the same name: \(labels)")
        }
        if labels.contains("") || labels.isEmpty {
            refuse("id2label", "the ids are not 0 to \(names.count - 1)")
        }
        if !(layerNormEpsilon > 0 && layerNormEpsilon.isFinite) {
            refuse("layer_norm_eps", "found \(layerNormEpsilon), expected a number above 0")
        }
        for (key, value) in [
            ("hidden_dropout_prob", hiddenDropout), ("attention_probs_dropout_prob", attentionDropout),
        ] where !(0..<1).contains(value) {
            refuse(key, "found \(value), expected a number from 0 to below 1")
        }
        if !errors.isEmpty { throw InputErrors(errors) }
    }

    /// The text of `config.json`: sorted keys, the same bytes for the same configuration.
    public func json() throws -> Data {
        let even = Set(heads).count == 1 && Set(feedForward).count == 1 && heads[0] * headSize == hiddenSize
        let file = File(
            architectures: ["BertForSequenceClassification"], modelType: "bert", vocabSize: vocabularySize,
            hiddenSize: hiddenSize, numHiddenLayers: layers,
            numAttentionHeads: even ? heads[0] : hiddenSize / headSize, intermediateSize: feedForward.max(),
            hiddenAct: "gelu", maxPositionEmbeddings: maximumPositions, typeVocabSize: tokenTypes,
            layerNormEps: layerNormEpsilon, hiddenDropoutProb: hiddenDropout,
            attentionProbsDropoutProb: attentionDropout, positionEmbeddingType: "absolute", padTokenId: 0,
            id2label: Dictionary(uniqueKeysWithValues: labels.enumerated().map { (String($0.offset), $0.element) }),
            label2id: Dictionary(labels.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { a, _ in a }),
            attentionHeadSize: even ? nil : headSize, layerAttentionHeads: even ? nil : heads,
            layerIntermediateSizes: even ? nil : feedForward, pooling: pooling == .first ? nil : pooling)
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try encoder.encode(file)
    }

    private static func reason(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context) -> String {
            context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        switch error {
        case .typeMismatch(let type, let context): return "\(path(context)) is not a \(type)"
        case .valueNotFound(let type, let context): return "\(path(context)) is null, expected a \(type)"
        case .keyNotFound(let key, _): return "\(key.stringValue) is missing"
        case .dataCorrupted(let context): return context.debugDescription
        @unknown default: return "\(error)"
        }
    }
}

extension EncoderConfiguration {
    /// Number of weights of an encoder of this shape.
    public var parameterCount: Int {
        let width = hiddenSize
        let tables = (vocabularySize + maximumPositions + tokenTypes) * width + 2 * width
        let blocks = zip(heads, feedForward).reduce(0) { sum, layer in
            let (attention, inner) = (layer.0 * headSize, layer.1)
            return sum + 3 * attention * (width + 1) + width * (attention + 1) + inner * (width + 1)
                + width * (inner + 1) + 4 * width
        }
        return tables + blocks + width * (width + 1) + labels.count * (width + 1)
    }
}
