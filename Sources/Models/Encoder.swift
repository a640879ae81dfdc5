public import Layers
public import Tensors

/// A BERT-family encoder (Devlin et al. 2019, arXiv 1810.04805), post-norm, with one of several heads.
///
/// Parameters carry the names of published BERT checkpoints, in whichever family; `EncoderNames` has the others.
public final class Encoder: Module {
    public private(set) var configuration: EncoderConfiguration
    public let wordEmbeddings: Embedding
    public let positionEmbeddings: Embedding
    /// Nil in families without token types.
    public let tokenTypeEmbeddings: Embedding?
    public let embeddingNorm: LayerNorm
    public internal(set) var layers: [EncoderLayer]
    /// The dense layer between a pooled text and the classifier: of classification and regression.
    public let pooler: Linear?
    /// The last layer of classification and regression.
    public let classifier: Linear?
    /// The head of a masked language model.
    public let vocabularyHead: VocabularyHead?

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
        positionEmbeddings = table(
            "position_embeddings", configuration.maximumPositions + configuration.positionOffset)
        tokenTypeEmbeddings =
            configuration.tokenTypes > 0 ? table("token_type_embeddings", configuration.tokenTypes) : nil
        embeddingNorm = LayerNorm(
            name: "bert.embeddings.LayerNorm", width: width, epsilon: configuration.layerNormEpsilon)
        layers = (0..<configuration.layers).map {
            EncoderLayer(index: $0, configuration, deviation: deviation, key: key)
        }
        func linear(_ name: String, _ output: Int) -> Linear? {
            guard configuration.classifies else { return nil }
            return Linear(name: name, input: width, output: output, deviation: deviation, key: key)
        }
        pooler = linear("bert.pooler.dense", width)
        classifier = linear("classifier", configuration.labels.count)
        vocabularyHead =
            configuration.head == .maskedLanguageModel
            ? VocabularyHead(configuration, deviation: deviation, key: key) : nil
    }

    /// The tables, the layers, then the head.
    public var parameters: [Parameter] {
        let tables: [any Module] = [wordEmbeddings, positionEmbeddings] + [tokenTypeEmbeddings].compactMap { $0 }
        return tables.flatMap(\.parameters) + embeddingNorm.parameters + layers.flatMap(\.parameters) + headParameters
    }

    /// The parameters of what stands behind the layers.
    public var headParameters: [Parameter] {
        let parts: [(any Module)?] = [pooler, classifier, vocabularyHead]
        return parts.flatMap { $0?.parameters ?? [] }
    }

    /// All linear layers in the order in which forward meets them.
    public var linearLayers: [Linear] {
        layers.flatMap { [$0.query, $0.key, $0.value, $0.attentionOutput, $0.intermediate, $0.output] }
            + [pooler, classifier, vocabularyHead?.transform].compactMap { $0 }
    }

    /// Keeps the weights of all linear layers only as their products in this precision read them: half of the memory of an
    /// encoder that from now on is only run, and only in this precision.
    public func packForRunning(in precision: Precision) {
        for layer in linearLayers {
            layer.weight.packForRunning(in: precision)
            // At most one weight is there twice.
            StoragePool.shared.drain()
        }
    }

    /// Replaces layer `index` by a smaller or larger one with the same hidden size.
    public func replaceLayer(_ index: Int, by layer: EncoderLayer) {
        layers[index] = layer
        configuration.heads[index] = layer.heads
        configuration.feedForward[index] = layer.intermediate.weight.shape[0]
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
        /// Queries, keys and values of the layers that were asked for, counted from 1: [N, H · D] each.
        public var attentionStates: [Int: [AttentionPart: Variable]] = [:]
        /// What the head gives: class logits or the numbers of a regression [B, labels], embeddings [B, C], or the
        /// logits of all tokens at the predicted positions [M, V].
        public var logits: Variable
    }

    /// Runs the encoder over a packed batch, or the rest of it.
    ///
    /// - Parameters:
    ///   - dropout: the key that stands for seed and epoch; nil evaluates without dropout.
    ///   - capturing: whether the output holds contexts and activations, which otherwise are released on the way.
    ///   - attentionLayers: the layers, counted from 1, whose queries, keys and values the output holds. A checkpointing
    ///     tape keeps the activations of these layers and computes the others again.
    ///   - predicting: the rows of the batch for which a masked language model gives logits: [M]; nil: all of them.
    ///   - start: the layer to begin with, whose input an earlier pass gave; the output has nothing of what is before it.
    public func forward(
        _ batch: PackedBatch, on tape: Tape, dropout: RandomKey? = nil, capturing: Bool = false,
        attentionLayers: Set<Int> = [], predicting rows: [Int32]? = nil, from start: LayerInput? = nil
    ) -> Output {
        let keys = dropout.map { batch.dropoutKeys($0) }
        var x =
            start?.hidden
            ?? tape.dropout(
                embedding(of: batch, on: tape), probability: configuration.hiddenDropout, keys: keys,
                salt: DropoutSite.embedding.salt(layer: 0))
        var output = Output(logits: x)
        output.hiddenStates.append(x)
        for (index, layer) in layers.enumerated().dropFirst(start?.layer ?? 0) {
            let givesAttention = attentionLayers.contains(index + 1)
            if capturing || givesAttention {
                let result = layer.forward(x, batch.offsets, configuration, on: tape, keys: keys)
                x = result.hidden
                if capturing {
                    output.contexts.append(result.context)
                    output.activations.append(result.activation)
                }
                if givesAttention { output.attentionStates[index + 1] = result.attention }
            } else {
                x = tape.checkpoint(x) { [configuration] x, tape in
                    layer.forward(x, batch.offsets, configuration, on: tape, keys: keys).hidden
                }
            }
            output.hiddenStates.append(x)
        }
        if let vocabularyHead {
            let predicted = rows.map { tape.embedding(x, ids: $0) } ?? x
            output.logits = vocabularyHead(predicted, words: wordEmbeddings, on: tape)
        } else {
            output.logits = head(pooled(x, batch.offsets, on: tape), batch, on: tape, dropout: dropout)
        }
        return output
    }

    /// The logits of `forward` alone, for inference: where the head reads first positions, only these leave the last layer.
    func forwardLogits(_ batch: PackedBatch, on tape: Tape) -> Variable {
        guard configuration.pooling == .first, vocabularyHead == nil, let last = layers.last else {
            return forward(batch, on: tape).logits
        }
        var x = embedding(of: batch, on: tape)
        for layer in layers.dropLast() {
            x = layer.forward(x, batch.offsets, configuration, on: tape, keys: nil).hidden
        }
        let first = last.firstPositions(x, batch.offsets, configuration, on: tape)
        return head(first, batch, on: tape, dropout: nil)
    }

    /// The normalized sum of word, token type and position rows: [N, C].
    private func embedding(of batch: PackedBatch, on tape: Tape) -> Variable {
        var x = wordEmbeddings(batch.tokens, on: tape)
        if let tokenTypeEmbeddings { x = tape.add(x, tokenTypeEmbeddings(batch.tokenTypes, on: tape)) }
        let offset = Int32(configuration.positionOffset)
        let positions = offset == 0 ? batch.positions : batch.positions.map { $0 + offset }
        return embeddingNorm(tape.add(x, positionEmbeddings(positions, on: tape)), on: tape)
    }

    /// One row for each text: [N, C] → [B, C].
    private func pooled(_ x: Variable, _ offsets: SequenceOffsets, on tape: Tape) -> Variable {
        switch configuration.pooling {
        case .first: tape.firstPosition(x, offsets)
        case .mean: tape.meanPosition(x, offsets)
        case .max: tape.maxPosition(x, offsets)
        }
    }

    /// What a head for whole texts gives; pooled: [B, C] → [B, labels], or [B, C] of an embedding.
    private func head(_ pooled: Variable, _ batch: PackedBatch, on tape: Tape, dropout: RandomKey?) -> Variable {
        var pooled = pooled
        guard let pooler, let classifier else {
            return configuration.normalizesEmbedding ? tape.normalize(pooled) : pooled
        }
        let rate = configuration.headDropout ?? configuration.hiddenDropout
        let keys = dropout.map { batch.pooledDropoutKeys($0) }
        func drop(_ x: Variable, _ site: DropoutSite) -> Variable {
            tape.dropout(x, probability: rate, keys: keys, salt: site.salt(layer: 0))
        }
        switch configuration.family {
        case .bert: pooled = tape.tanh(pooler(pooled, on: tape))
        case .roberta, .xlmRoberta: pooled = tape.tanh(pooler(drop(pooled, .head), on: tape))
        case .distilbert: pooled = pooler(pooled, on: tape, activation: .relu)
        }
        return classifier(drop(pooled, .pooled), on: tape)
    }
}

/// The places of an encoder that use dropout, each with its own random numbers.
enum DropoutSite: UInt64 {
    case embedding = 1
    case attention
    case attentionOutput
    case output
    case pooled
    /// Before the dense layer of RoBERTa's classifier.
    case head

    func salt(layer: Int) -> UInt64 {
        RandomKey(rawValue).mixed(layer).value
    }
}
