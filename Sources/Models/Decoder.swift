public import Layers
public import Tensors

/// A pre-norm decoder: GPT-2's (Radford et al. 2019) or Llama's (Touvron et al. 2023, arXiv 2302.13971), by its
/// configuration.
///
/// Parameters carry the names of published `GPT2LMHeadModel`, `LlamaForCausalLM` and `Qwen2ForCausalLM` checkpoints; for
/// GPT-2's query, key and value see `DecoderNames`.
public final class Decoder: Module {
    public let configuration: DecoderConfiguration
    /// The table of token embeddings: [V, C].
    public let tokenEmbeddings: Embedding
    /// Learned positions, if there are any.
    public let positionEmbeddings: Embedding?
    public let layers: [DecoderLayer]
    public let finalNorm: any Normalization
    /// The table of an output layer of its own: [V, C].
    private let outputTable: Parameter?
    private let rotaryTables: RotaryTables?

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
        let names = DecoderNames(configuration.family)
        self.configuration = configuration
        func table(_ name: String, _ count: Int) -> Embedding {
            Embedding(name: name, count: count, width: width, deviation: deviation, key: key)
        }
        tokenEmbeddings = table(names.tokens, configuration.vocabularySize)
        positionEmbeddings = names.positions.map { table($0, configuration.maximumPositions) }
        let residualDeviation = deviation / Double(2 * configuration.layers).squareRoot()
        layers = (0..<configuration.layers).map {
            DecoderLayer(
                index: $0, configuration, deviation: deviation, residualDeviation: residualDeviation, key: key)
        }
        finalNorm = configuration.norm(names.finalNorm)
        outputTable =
            configuration.tiesEmbeddings ? nil : table(names.output, configuration.vocabularySize).table
        rotaryTables = configuration.rotary.map { RotaryTables($0, headSize: configuration.headSize) }
    }

    public var parameters: [Parameter] {
        tokenEmbeddings.parameters + (positionEmbeddings?.parameters ?? []) + layers.flatMap(\.parameters)
            + finalNorm.parameters + (outputTable.map { [$0] } ?? [])
    }

    /// The table that logits come from: [V, C]. Logits are hidden states · tableᵀ.
    public var vocabularyTable: Parameter { outputTable ?? tokenEmbeddings.table }

    /// What one forward pass gives.
    public struct Output {
        /// After the last norm.
        public let hidden: Variable
        /// After the embeddings and after each block: layers + 1 of [N, C]; empty unless asked for.
        public let states: [Variable]
        /// The heads' outputs before the output projection, per layer: [N, H · D]; empty unless traced.
        public let contexts: [Variable]
        /// The feed-forward blocks' activations before their last projection, per layer: [N, F]; empty unless traced.
        public let activations: [Variable]
    }

    /// The final hidden states of a packed batch: [N, C].
    ///
    /// The logits [N, V] are not computed here: a loss over the vocabulary takes the hidden states and the table.
    ///
    /// - Parameters:
    ///   - dropout: the key that stands for seed and epoch; nil evaluates without dropout.
    ///   - capturing: whether the states between the blocks are given back.
    ///   - tracing: whether what is inside of the blocks is given back, which otherwise is released on the way.
    ///   - start: the block to begin with, whose input an earlier pass gave; the output has nothing of what is before it.
    public func forward(
        _ batch: PackedBatch, on tape: Tape, dropout: RandomKey? = nil, capturing: Bool = false,
        tracing: Bool = false, from start: LayerInput? = nil
    ) -> Output {
        let keys = dropout.map { batch.dropoutKeys($0) }
        let positions = batch.positions
        let longest = (0..<batch.offsets.count).reduce(0) { max($0, batch.offsets[$1].count) }
        let rotary = rotaryTables.map { (table: $0.table(of: longest), positions: positions) }
        var x =
            start?.hidden
            ?? tape.dropout(
                embedding(of: batch, on: tape), probability: configuration.dropout, keys: keys,
                salt: DropoutSite.embedding.salt(layer: 0))
        var states = capturing ? [x] : []
        var (contexts, activations): ([Variable], [Variable]) = ([], [])
        for layer in layers.dropFirst(start?.layer ?? 0) {
            if tracing {
                let result = layer.forward(
                    x, batch.offsets, rotary: rotary, dropout: configuration.dropout, on: tape, keys: keys)
                contexts.append(result.context)
                activations.append(result.activation)
                x = result.hidden
            } else {
                x = tape.checkpoint(x) { [configuration] x, tape in
                    layer.forward(
                        x, batch.offsets, rotary: rotary, dropout: configuration.dropout, on: tape, keys: keys
                    ).hidden
                }
            }
            if capturing { states.append(x) }
        }
        return Output(
            hidden: finalNorm(x, on: tape), states: states, contexts: contexts, activations: activations)
    }

    /// The sum of word rows and, in families with a table of them, position rows: [N, C].
    private func embedding(of batch: PackedBatch, on tape: Tape) -> Variable {
        let tokens = tokenEmbeddings(batch.tokens, on: tape)
        return positionEmbeddings.map { tape.add(tokens, $0(batch.positions, on: tape)) } ?? tokens
    }

    /// The logits of every position, without a tape: [N, V].
    public func logits(_ batch: PackedBatch) -> Tensor {
        let tape = Tape(recording: false)
        let hidden = forward(batch, on: tape).hidden
        return tape.linear(hidden, weight: vocabularyTable.on(tape), bias: nil).value
    }
}
