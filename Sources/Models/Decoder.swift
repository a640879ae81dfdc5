public import Layers
public import Tensors

/// A GPT-2-shaped decoder (Radford et al. 2019), pre-norm, whose output embedding is its token embedding.
///
/// Parameters carry the names of published `GPT2LMHeadModel` checkpoints; for query, key and value see `DecoderLayer`.
public final class Decoder: Module {
    public let configuration: DecoderConfiguration
    /// The table of token embeddings: [V, C]. Logits are hidden states · tableᵀ.
    public let tokenEmbeddings: Embedding
    public let positionEmbeddings: Embedding
    public let layers: [DecoderLayer]
    public let finalNorm: LayerNorm

    /// Fresh weights: normal with deviation 0.02, over √(2 · layers) where a block adds to its input, as GPT-2's.
    ///
    /// They depend on `key` and the parameters' names alone.
    public convenience init(_ configuration: DecoderConfiguration, key: RandomKey) {
        self.init(configuration, deviation: 0.02, key: key)
    }

    /// All matrices zero, to be filled with stored weights.
    public convenience init(unfilled configuration: DecoderConfiguration) {
        self.init(configuration, deviation: 0, key: RandomKey(0))
    }

    private init(_ configuration: DecoderConfiguration, deviation: Double, key: RandomKey) {
        let width = configuration.hiddenSize
        self.configuration = configuration
        func table(_ name: String, _ count: Int) -> Embedding {
            Embedding(name: "transformer." + name, count: count, width: width, deviation: deviation, key: key)
        }
        tokenEmbeddings = table("wte", configuration.vocabularySize)
        positionEmbeddings = table("wpe", configuration.maximumPositions)
        let residualDeviation = deviation / Double(2 * configuration.layers).squareRoot()
        layers = (0..<configuration.layers).map {
            DecoderLayer(
                index: $0, configuration, deviation: deviation, residualDeviation: residualDeviation, key: key)
        }
        finalNorm = LayerNorm(name: "transformer.ln_f", width: width, epsilon: configuration.layerNormEpsilon)
    }

    public var parameters: [Parameter] {
        tokenEmbeddings.parameters + positionEmbeddings.parameters + layers.flatMap(\.parameters)
            + finalNorm.parameters
    }

    /// The final hidden states of a packed batch: [N, C].
    ///
    /// The logits [N, V] are not computed here: a loss over the vocabulary takes the hidden states and the table.
    ///
    /// - Parameter dropout: the key that stands for seed and epoch; nil evaluates without dropout.
    public func forward(_ batch: PackedBatch, on tape: Tape, dropout: RandomKey? = nil) -> Variable {
        let keys = dropout.map { batch.dropoutKeys($0) }
        let tokens = tokenEmbeddings(batch.tokens, on: tape)
        let positions = positionEmbeddings(batch.positions, on: tape)
        var x = tape.dropout(
            tape.add(tokens, positions), probability: configuration.dropout, keys: keys,
            salt: DropoutSite.embedding.salt(layer: 0))
        for layer in layers {
            x = tape.checkpoint(x) { [configuration] x, tape in
                layer.forward(x, batch.offsets, dropout: configuration.dropout, on: tape, keys: keys)
            }
        }
        return finalNorm(x, on: tape)
    }
}
