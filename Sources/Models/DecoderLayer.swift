public import Layers
import Tensors

/// One decoder block, pre-norm: h = x + Attention(LN₁(x)), y = h + W₂ · GELU(W₁ · LN₂(h)), GELU in its tanh form.
///
/// Published GPT-2 files hold every weight as [I, O], and query, key and value fused into `attn.c_attn`. Here weights
/// are [O, I] and the three are layers of their own, `attn.query`, `attn.key` and `attn.value`, so that heads can be
/// removed from them: the published tensors are split and transposed on reading.
public struct DecoderLayer: Module {
    public let index: Int
    /// Heads of this layer (H); the projections have H · D rows.
    public let heads: Int
    public let attentionNorm: LayerNorm
    public let query: Linear
    public let key: Linear
    public let value: Linear
    public let attentionOutput: Linear
    public let feedForwardNorm: LayerNorm
    public let intermediate: Linear
    public let output: Linear

    /// - Parameter residualDeviation: that of the two projections whose outputs are added to the block's input.
    init(
        index: Int, _ configuration: DecoderConfiguration, deviation: Double, residualDeviation: Double,
        key random: RandomKey
    ) {
        let prefix = "transformer.h.\(index)."
        let (width, inner) = (configuration.hiddenSize, configuration.feedForward[index])
        let attention = configuration.heads[index] * configuration.headSize
        func linear(_ name: String, _ input: Int, _ output: Int, _ deviation: Double) -> Linear {
            Linear(name: prefix + name, input: input, output: output, deviation: deviation, key: random)
        }
        func norm(_ name: String) -> LayerNorm {
            LayerNorm(name: prefix + name, width: width, epsilon: configuration.layerNormEpsilon)
        }
        self.index = index
        heads = configuration.heads[index]
        attentionNorm = norm("ln_1")
        query = linear("attn.query", width, attention, deviation)
        key = linear("attn.key", width, attention, deviation)
        value = linear("attn.value", width, attention, deviation)
        attentionOutput = linear("attn.c_proj", attention, width, residualDeviation)
        feedForwardNorm = norm("ln_2")
        intermediate = linear("mlp.c_fc", width, inner, deviation)
        output = linear("mlp.c_proj", inner, width, residualDeviation)
    }

    public var parameters: [Parameter] {
        attentionNorm.parameters + query.parameters + key.parameters + value.parameters + attentionOutput.parameters
            + feedForwardNorm.parameters + intermediate.parameters + output.parameters
    }

    /// x: [N, C] → [N, C].
    func forward(
        _ x: Variable, _ offsets: SequenceOffsets, dropout: Float, on tape: Tape, keys: DropoutKeys?
    ) -> Variable {
        func drop(_ x: Variable, _ site: DropoutSite) -> Variable {
            tape.dropout(x, probability: dropout, keys: keys, salt: site.salt(layer: index))
        }
        let normed = attentionNorm(x, on: tape)
        let context = tape.attention(
            q: query(normed, on: tape), k: key(normed, on: tape), v: value(normed, on: tape), heads: heads,
            offsets: offsets, causal: true, dropout: dropout, keys: keys,
            salt: DropoutSite.attention.salt(layer: index))
        let h = tape.add(x, drop(attentionOutput(context, on: tape), .attentionOutput))
        let activation = intermediate(feedForwardNorm(h, on: tape), on: tape, activation: .geluTanh)
        return tape.add(h, drop(output(activation, on: tape), .output))
    }
}
