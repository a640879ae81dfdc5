public import Tensors

/// The shape of a BERT-family encoder and of what stands behind its layers, as `config.json` states it.
///
/// The keys are those of published checkpoints. Layers may differ in their number of heads and in their feed-forward
/// size: `layer_attention_heads` and `layer_intermediate_sizes` carry that, with `attention_head_size`.
public struct EncoderConfiguration: Equatable, Sendable {
    /// Whose names and keys a published checkpoint uses; the value of `model_type`.
    public enum Family: String, CaseIterable, Sendable {
        /// BERT, and what has its form, such as MiniLM.
        case bert
        /// RoBERTa: positions count from `pad_token_id` + 1.
        case roberta
        case xlmRoberta = "xlm-roberta"
        /// DistilBERT: no token types, ReLU in the classifier.
        case distilbert
    }

    /// What stands behind the layers.
    public enum Head: String, CaseIterable, Sendable {
        /// Class logits of a pooled text.
        case classification
        /// Numbers of a pooled text, through the same layers.
        case regression
        /// The logits of all tokens of the vocabulary at a position; the output embedding is the word embedding.
        case maskedLanguageModel = "masked language model"
        /// The pooled hidden states themselves, as sentence-transformers makes them.
        case embedding
        /// Nothing: a checkpoint that was only pre-trained, to begin a training from.
        case none
    }

    public enum Pooling: String, Sendable, Codable {
        /// The hidden state of the first position.
        case first
        /// The mean over all positions.
        case mean
        /// The largest value of each column over all positions; for embeddings alone.
        case max
    }

    public var family = Family.bert
    public var head = Head.classification
    public var vocabularySize: Int
    public var hiddenSize: Int
    /// Width of one head (D); the same in all layers.
    public var headSize: Int
    /// Heads per layer (H); 0 in a layer that has lost its attention.
    public var heads: [Int]
    /// Width of the feed-forward block per layer; 0 in a layer that has lost it.
    public var feedForward: [Int]
    /// The function between the two projections of a feed-forward block.
    public var activation = Activation.gelu
    /// Positions that a text may have.
    public var maximumPositions: Int
    /// Rows of the position table before the one of a text's first position.
    public var positionOffset = 0
    /// Rows of the token type table; 0 where there is none.
    public var tokenTypes: Int
    public var layerNormEpsilon: Float
    public var hiddenDropout: Float
    public var attentionDropout: Float
    /// Dropout before the classifier; nil: as `hiddenDropout`.
    public var headDropout: Float?
    /// What a head for whole texts reads; a classifier through a dense layer.
    public var pooling: Pooling
    /// Whether embeddings are divided by their Euclidean norm.
    public var normalizesEmbedding = false
    /// The longest text in tokens that an embedding was published for, where that is less than `maximumPositions`.
    public var textLimit: Int?
    /// Class names in the order of the logits, or names of the numbers of a regression; empty for other heads.
    public var labels: [String]

    public var layers: Int { heads.count }

    /// An encoder with a classification head whose layers all have the same sizes.
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

    /// Whether a dense layer and a classifier read the pooled text.
    public var classifies: Bool { head == .classification || head == .regression }

    /// Numbers that the head gives per text, or per position for a masked language model.
    public var outputWidth: Int {
        switch head {
        case .classification, .regression: labels.count
        case .maskedLanguageModel: vocabularySize
        case .embedding, .none: hiddenSize
        }
    }

    /// The longest text in tokens, special ones included.
    public var longestText: Int { min(textLimit ?? maximumPositions, maximumPositions) }

    /// Number of weights of an encoder of this shape.
    public var parameterCount: Int {
        let width = hiddenSize
        let tables = (vocabularySize + maximumPositions + positionOffset + tokenTypes) * width + 2 * width
        let blocks = zip(heads, feedForward).reduce(0) { sum, layer in
            let (attention, inner) = (layer.0 * headSize, layer.1)
            return sum + 3 * attention * (width + 1) + width * (attention + 1) + inner * (width + 1)
                + width * (inner + 1) + 4 * width
        }
        let head =
            switch head {
            case .classification, .regression: width * (width + 1) + labels.count * (width + 1)
            case .maskedLanguageModel: width * (width + 1) + 2 * width + vocabularySize
            case .embedding, .none: 0
            }
        return tables + blocks + head
    }
}
