import Tensors

/// One encoder block on integers: h = LN(x + Attention(x)), y = LN(h + W₂ · f(W₁ · h)).
struct IntegerLayer {
    private let heads: Int
    private let activation: Activation
    private let query: IntegerLinear
    private let key: IntegerLinear
    private let value: IntegerLinear
    private let attentionOutput: IntegerLinear
    private let attentionNorm: FixedNorm
    private let intermediate: IntegerLinear
    private let output: IntegerLinear
    private let outputNorm: FixedNorm

    init(_ layer: QuantizedEncoderLayer, heads: Int, activation: Activation, epsilon: Float) {
        self.heads = heads
        self.activation = activation
        query = IntegerLinear(layer.query)
        key = IntegerLinear(layer.key)
        value = IntegerLinear(layer.value)
        attentionOutput = IntegerLinear(layer.attentionOutput)
        attentionNorm = FixedNorm(layer.attentionNorm, epsilon: epsilon)
        intermediate = IntegerLinear(layer.intermediate)
        output = IntegerLinear(layer.output)
        outputNorm = FixedNorm(layer.outputNorm, epsilon: epsilon)
    }

    /// x: [N, C] → [N, C].
    func forward(_ x: Variable, _ offsets: SequenceOffsets, on tape: Tape) -> Variable {
        let shared = query.quantize(x)
        let context = tape.attention(
            q: query(shared, on: tape), k: key(shared, on: tape), v: value(shared, on: tape), heads: heads,
            offsets: offsets)
        let h = attentionNorm(attentionOutput(context, adding: x, on: tape), on: tape)
        let inner = intermediate(h, activation, for: output, on: tape)
        return outputNorm(output(inner, adding: h, on: tape), on: tape)
    }
}
