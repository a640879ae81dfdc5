public import Layers
public import Tensors

/// A BERT-family encoder with a classification head (Devlin et al. 2019, arXiv 1810.04805), post-norm.
///
/// Parameters carry the names of published `BertForSequenceClassification` checkpoints.
public final class Encoder: Module {
    public private(set) var configuration: EncoderConfiguration
    public let wordEmbeddings: Embedding
    public let positionEmbeddings: Embedding
    public let tokenTypeEmbeddings: Embedding
    public let embeddingNorm: LayerNorm
    public internal(set) var layers: [EncoderLayer]
    public let pooler: Linear
    public let classifier: Linear

    /// Fresh weights: normal with deviation 0.02, as BERT's; they depend on `key` and the parameters' names alone.
    public convenience init(_ configuration: EncoderConfiguration, key: RandomKey) {
        self.init(configuration, deviation: 0.02, key: key)
    }

    /// All matrices zero, to be filled with stored weights.
    public convenience init(unfilled configuration: EncoderConfiguration) {
        self.init(configuration, deviation: 0, key: RandomKey(0))
    }

    private init(_ configuration: EncoderConfiguration, deviation: Double, key: RandomKey) {
        let width = configuration.hiddenSize
        self.configuration = configuration
        func table(_ name: String, _ count: Int) -> Embedding {
            Embedding(name: "bert.embeddings." + name, count: count, width: width, deviation: deviation, key: key)
        }
        wordEmbeddings = table("word_embeddings", configuration.vocabularySize)
        positionEmbeddings = table("position_embeddings", configuration.maximumPositions)
        tokenTypeEmbeddings = table("token_type_embeddings", configuration.tokenTypes)
        embeddingNorm = LayerNorm(
            name: "bert.embeddings.LayerNorm", width: width, epsilon: configuration.layerNormEpsilon)
        layers = (0..<configuration.layers).map {
            EncoderLayer(index: $0, configuration, deviation: deviation, key: key)
        }
        pooler = Linear(name: "bert.pooler.dense", input: width, output: width, deviation: deviation, key: key)
        classifier = Linear(
            name: "classifier", input: width, output: configuration.labels.count, deviation: deviation, key: key)
    }

    public var parameters: [Parameter] {
        wordEmbeddings.parameters + positionEmbeddings.parameters + tokenTypeEmbeddings.parameters
            + embeddingNorm.parameters + layers.flatMap(\.parameters) + pooler.parameters + classifier.parameters
    }

    /// All linear layers in the order in which forward meets them.
    public var linearLayers: [Linear] {
        layers.flatMap { [$0.query, $0.key, $0.value, $0.attentionOutput, $0.intermediate, $0.output] }
            + [pooler, classifier]
    }

    /// Replaces layer `index` by a smaller or larger one with the same hidden size.
    public func replaceLayer(_ index: Int, by layer: EncoderLayer) {
        layers[index] = layer
        configuration.heads[index] = layer.heads
        configuration.feedForward[index] = layer.intermediate.weight.value.shape[0]
    }

    func setLabels(_ labels: [String]) {
        configuration.labels = labels
    }

    /// What one forward pass gives.
    public struct Output {
        /// Embedding output, then the output of each layer: L + 1 of [N, C].
        public var hiddenStates: [Variable] = []
        /// The heads' outputs before the output projection, per layer: [N, H · D]; only if captured.
        public var contexts: [Variable] = []
        /// The feed-forward blocks' activations before their second projection, per layer: [N, F]; only if captured.
        public var activations: [Variable] = []
        /// [B, classes].
        public var logits: Variable
    }

    /// Runs the encoder over a packed batch.
    ///
    /// - Parameters:
    ///   - dropout: the key that stands for seed and epoch; nil evaluates without dropout.
    ///   - capturing: whether the output holds contexts and activations, which otherwise are released on the way.
    public func forward(
        _ batch: PackedBatch, on tape: Tape, dropout: RandomKey? = nil, capturing: Bool = false
    ) -> Output {
        let keys = dropout.map { batch.dropoutKeys($0) }
        let rate = configuration.hiddenDropout
        let words = wordEmbeddings(batch.tokens, on: tape)
        let positions = positionEmbeddings(batch.positions, on: tape)
        let types = tokenTypeEmbeddings([Int32](repeating: 0, count: batch.tokens.count), on: tape)
        var x = embeddingNorm(tape.add(tape.add(words, types), positions), on: tape)
        x = tape.dropout(x, probability: rate, keys: keys, salt: DropoutSite.embedding.salt(layer: 0))
        var output = Output(logits: x)
        output.hiddenStates.append(x)
        for layer in layers {
            if capturing {
                let result = layer.forward(x, batch.offsets, configuration, on: tape, keys: keys)
                x = result.hidden
                output.contexts.append(result.context)
                output.activations.append(result.activation)
            } else {
                x = tape.checkpoint(x) { [configuration] x, tape in
                    layer.forward(x, batch.offsets, configuration, on: tape, keys: keys).hidden
                }
            }
            output.hiddenStates.append(x)
        }
        let first =
            configuration.pooling == .first ? tape.firstPosition(x, batch.offsets) : tape.meanPosition(x, batch.offsets)
        var pooled = tape.tanh(pooler(first, on: tape))
        pooled = tape.dropout(
            pooled, probability: rate, keys: dropout.map { batch.pooledDropoutKeys($0) },
            salt: DropoutSite.pooled.salt(layer: 0))
        output.logits = classifier(pooled, on: tape)
        return output
    }
}

/// The places of an encoder that use dropout, each with its own random numbers.
enum DropoutSite: UInt64 {
    case embedding = 1
    case attention
    case attentionOutput
    case output
    case pooled

    func salt(layer: Int) -> UInt64 {
        RandomKey(rawValue).mixed(layer).value
    }
}
