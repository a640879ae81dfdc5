public import Layers
import Tensors

/// One encoder block: h = LN(x + Attention(x)), y = LN(h + W₂ · f(W₁ · h)), f a GELU or ReLU.
public struct EncoderLayer: Module {
    public let index: Int
    /// Heads of this layer (H); the projections have H · D rows. Without heads x goes on with the output's bias alone, and
    /// without neurons so does h.
    public let heads: Int
    public let query: Linear
    public let key: Linear
    public let value: Linear
    public let attentionOutput: Linear
    public let attentionNorm: LayerNorm
    public let intermediate: Linear
    public let output: Linear
    public let outputNorm: LayerNorm

    init(index: Int, _ configuration: EncoderConfiguration, deviation: Double, key random: RandomKey) {
        let prefix = "bert.encoder.layer.\(index)."
        let (width, inner) = (configuration.hiddenSize, configuration.feedForward[index])
        let attention = configuration.heads[index] * configuration.headSize
        func linear(_ name: String, _ input: Int, _ output: Int) -> Linear {
            Linear(name: prefix + name, input: input, output: output, deviation: deviation, key: random)
        }
        self.index = index
        heads = configuration.heads[index]
        query = linear("attention.self.query", width, attention)
        key = linear("attention.self.key", width, attention)
        value = linear("attention.self.value", width, attention)
        attentionOutput = linear("attention.output.dense", attention, width)
        attentionNorm = LayerNorm(
            name: prefix + "attention.output.LayerNorm", width: width, epsilon: configuration.layerNormEpsilon)
        intermediate = linear("intermediate.dense", width, inner)
        output = linear("output.dense", inner, width)
        outputNorm = LayerNorm(name: prefix + "output.LayerNorm", width: width, epsilon: configuration.layerNormEpsilon)
    }

    /// The same block with other projections, as pruning leaves it; the norms are shared.
    public init(
        _ layer: EncoderLayer, heads: Int, query: Linear, key: Linear, value: Linear, attentionOutput: Linear,
        intermediate: Linear, output: Linear
    ) {
        index = layer.index
        self.heads = heads
        self.query = query
        self.key = key
        self.value = value
        self.attentionOutput = attentionOutput
        attentionNorm = layer.attentionNorm
        self.intermediate = intermediate
        self.output = output
        outputNorm = layer.outputNorm
    }

    public var parameters: [Parameter] {
        query.parameters + key.parameters + value.parameters + attentionOutput.parameters + attentionNorm.parameters
            + intermediate.parameters + output.parameters + outputNorm.parameters
    }

    /// What a block computes on the way from x to y.
    struct Output {
        /// y: [N, C].
        let hidden: Variable
        /// The heads' outputs before the output projection: [N, H · D].
        let context: Variable
        /// The feed-forward block's inner activation: [N, F].
        let activation: Variable
        /// What attention reads: [N, H · D] each.
        let attention: [AttentionPart: Variable]
    }

    /// x: [N, C].
    func forward(
        _ x: Variable, _ offsets: SequenceOffsets, _ configuration: EncoderConfiguration, on tape: Tape,
        keys: DropoutKeys?
    ) -> Output {
        let (q, k, v) = (query(x, on: tape), key(x, on: tape), value(x, on: tape))
        let context =
            heads == 0
            ? q
            : tape.attention(
                q: q, k: k, v: v, heads: heads, offsets: offsets, dropout: configuration.attentionDropout, keys: keys,
                salt: DropoutSite.attention.salt(layer: index))
        let (hidden, activation) = finished(x, context, configuration, on: tape, keys: keys)
        return Output(
            hidden: hidden, context: context, activation: activation, attention: [.query: q, .key: k, .value: v])
    }

    /// What the block gives at the first position of every sequence, for inference: x: [N, C] → [B, C]. Only keys and values are
    /// computed of the others.
    func firstPositions(
        _ x: Variable, _ offsets: SequenceOffsets, _ configuration: EncoderConfiguration, on tape: Tape
    ) -> Variable {
        precondition(!tape.isRecording, "EncoderLayer.firstPositions: gives no gradients")
        let first = tape.firstPosition(x, offsets)
        let queries = query(first, on: tape)
        let context =
            heads == 0
            ? queries
            : Variable(
                constant: BlockAttention.firstPositions(
                    queries: queries.value, keys: key(x, on: tape).value, values: value(x, on: tape).value, offsets,
                    heads: heads, precision: tape.precision))
        return finished(first, context, configuration, on: tape, keys: nil).hidden
    }

    /// What follows attention; x and context: [N, C] and [N, H · D], rows of the same positions.
    private func finished(
        _ x: Variable, _ context: Variable, _ configuration: EncoderConfiguration, on tape: Tape, keys: DropoutKeys?
    ) -> (hidden: Variable, activation: Variable) {
        let h = attentionNorm(
            adding: attentionOutput(context, on: tape), to: x, on: tape, dropout: configuration.hiddenDropout,
            keys: keys, salt: DropoutSite.attentionOutput.salt(layer: index))
        let activation = intermediate(h, on: tape, activation: configuration.activation)
        let hidden = outputNorm(
            adding: output(activation, on: tape), to: h, on: tape, dropout: configuration.hiddenDropout, keys: keys,
            salt: DropoutSite.output.salt(layer: index))
        return (hidden, activation)
    }
}
