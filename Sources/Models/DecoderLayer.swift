public import Layers
import Tensors

/// One decoder block, pre-norm: h = x + Attention(norm₁(x)), y = h + FeedForward(norm₂(h)).
///
/// Weights are [O, I]. Published GPT-2 files hold them as [I, O], with query, key and value fused: they are split and
/// transposed on reading.
public struct DecoderLayer: Module {
    public let index: Int
    /// Query heads of this layer (H); the projection has H · D rows. Without heads x goes on with the output's bias alone, and
    /// without neurons so does h; the norm before what is gone is no parameter.
    public let heads: Int
    /// Heads of keys and values (G).
    public let keyHeads: Int
    public let attentionNorm: any Normalization
    public let query: Linear
    public let key: Linear
    public let value: Linear
    public let attentionOutput: Linear
    public let feedForwardNorm: any Normalization
    public let feedForward: DecoderFeedForward

    /// - Parameter residualDeviation: that of the two projections whose outputs are added to the block's input.
    init(
        index: Int, _ configuration: DecoderConfiguration, deviation: Double, residualDeviation: Double,
        key random: RandomKey
    ) {
        let names = DecoderNames(configuration.family).block(index)
        let (width, inner) = (configuration.hiddenSize, configuration.feedForward[index])
        let biases = configuration.biases
        let queries = configuration.heads[index] * configuration.headSize
        let keys = configuration.keyHeads[index] * configuration.headSize
        func linear(_ name: String, _ input: Int, _ output: Int, _ hasBias: Bool, _ deviation: Double) -> Linear {
            Linear(
                name: name, input: input, output: output, hasBias: hasBias, deviation: deviation, key: random)
        }
        self.index = index
        heads = configuration.heads[index]
        keyHeads = configuration.keyHeads[index]
        attentionNorm = configuration.norm(names.attentionNorm)
        query = linear(names.query, width, queries, biases.hasQuery, deviation)
        key = linear(names.key, width, keys, biases.hasQuery, deviation)
        value = linear(names.value, width, keys, biases.hasQuery, deviation)
        attentionOutput = linear(names.attentionOutput, queries, width, biases.hasOutput, residualDeviation)
        feedForwardNorm = configuration.norm(names.feedForwardNorm)
        feedForward = DecoderFeedForward(
            gate: names.gate.map { linear($0, width, inner, biases.hasFeedForward, deviation) },
            up: linear(names.up, width, inner, biases.hasFeedForward, deviation),
            down: linear(names.down, inner, width, biases.hasFeedForward, residualDeviation),
            activation: configuration.activation)
    }

    public var parameters: [Parameter] {
        (heads > 0 ? attentionNorm.parameters : []) + query.parameters + key.parameters + value.parameters
            + attentionOutput.parameters + (feedForward.isEmpty ? [] : feedForwardNorm.parameters)
            + feedForward.parameters
    }

    /// What a block computes on the way from x to y.
    struct Output {
        /// y: [N, C].
        let hidden: Variable
        /// The heads' outputs before the output projection: [N, H · D].
        let context: Variable
        /// The feed-forward block's inner activation: [N, F].
        let activation: Variable
    }

    /// x: [N, C].
    ///
    /// - Parameter rotary: the angles and each row's position, where positions are rotary.
    func forward(
        _ x: Variable, _ offsets: SequenceOffsets, rotary: (table: RotaryTable, positions: [Int32])?, dropout: Float,
        on tape: Tape, keys: DropoutKeys?
    ) -> Output {
        func added(_ inner: Variable, through output: Linear, to x: Variable, _ site: DropoutSite) -> Variable {
            // A block that is gone, bias and all, adds nothing.
            guard !output.parameters.isEmpty else { return x }
            return tape.add(
                x,
                tape.dropout(
                    output(inner, on: tape), probability: dropout, keys: keys, salt: site.salt(layer: index)))
        }
        func turned(_ x: Variable) -> Variable {
            rotary.map { tape.rotary(x, positions: $0.positions, table: $0.table) } ?? x
        }
        func attended() -> Variable {
            let normed = attentionNorm(x, on: tape)
            return tape.attention(
                q: turned(query(normed, on: tape)), k: turned(key(normed, on: tape)), v: value(normed, on: tape),
                heads: heads, keyHeads: keyHeads, offsets: offsets, causal: true, dropout: dropout, keys: keys,
                salt: DropoutSite.attention.salt(layer: index))
        }
        let nothing = Variable(constant: Tensor(zeros: [x.shape[0], 0]))
        let context = heads == 0 ? nothing : attended()
        let h = added(context, through: attentionOutput, to: x, .attentionOutput)
        let activation =
            feedForward.isEmpty ? nothing : feedForward.inner(feedForwardNorm(h, on: tape), on: tape)
        let hidden = added(activation, through: feedForward.down, to: h, .output)
        return Output(hidden: hidden, context: context, activation: activation)
    }
}

/// W₂ · f(W₁ · x), or with a gate W₂ · (SiLU(W_g · x) ⊙ W₁ · x).
public struct DecoderFeedForward: Module {
    public let gate: Linear?
    public let up: Linear
    public let down: Linear
    let activation: DecoderActivation

    public var parameters: [Parameter] { (gate?.parameters ?? []) + up.parameters + down.parameters }
    /// Whether pruning has left no neuron.
    var isEmpty: Bool { up.weight.count == 0 }

    /// What W₂ reads; x: [N, C] → [N, F].
    func inner(_ x: Variable, on tape: Tape) -> Variable {
        if let gate { return tape.swiGLU(gate: gate(x, on: tape), up: up(x, on: tape)) }
        return up(x, on: tape, activation: activation == .gelu ? .gelu : .geluTanh)
    }
}

extension DecoderConfiguration {
    /// The norm of this family; its weights are fresh.
    func norm(_ name: String) -> any Normalization {
        family == .gpt2
            ? LayerNorm(name: name, width: hiddenSize, epsilon: normEpsilon)
            : RMSNorm(name: name, width: hiddenSize, epsilon: normEpsilon)
    }
}
