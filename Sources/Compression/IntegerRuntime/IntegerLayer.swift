import Models
import Tensors

/// One encoder block on integers: h = LN(x + Attention(x)), y = LN(h + W₂ · f(W₁ · h)), for a block of rows at a time.
struct IntegerLayer {
    private let heads: Int
    private let headSize: Int
    private let activation: Activation
    private let query: IntegerLinear
    private let key: IntegerLinear
    private let value: IntegerLinear
    private let attentionOutput: IntegerLinear
    private let attentionNorm: FixedNorm
    private let intermediate: IntegerLinear
    private let output: IntegerLinear
    private let outputNorm: FixedNorm

    init(_ layer: QuantizedEncoderLayer, heads: Int, _ configuration: EncoderConfiguration) {
        self.heads = heads
        headSize = configuration.headSize
        activation = configuration.activation
        query = IntegerLinear(layer.query)
        key = IntegerLinear(layer.key)
        value = IntegerLinear(layer.value)
        attentionOutput = IntegerLinear(layer.attentionOutput)
        attentionNorm = FixedNorm(layer.attentionNorm, epsilon: configuration.layerNormEpsilon)
        intermediate = IntegerLinear(layer.intermediate)
        output = IntegerLinear(layer.output)
        outputNorm = FixedNorm(layer.outputNorm, epsilon: configuration.layerNormEpsilon)
    }

    /// Room for the keys and values that this layer makes of a batch.
    func attention(_ offsets: SequenceOffsets, _ precision: Precision) -> BlockAttention {
        BlockAttention(offsets, heads: heads, headSize: headSize, precision: precision)
    }

    /// Makes keys and values of the block's rows x: [rows, C].
    func store(_ x: Tensor, _ block: RowBlock, in attention: BlockAttention) {
        let shared = key.quantize(x)
        attention.store(keys: key(shared), values: value(shared), of: block)
    }

    /// x: [rows, C] → [rows, C].
    ///
    /// - Parameter attention: holds the keys and values of all rows that x sees.
    func forward(_ x: Tensor, _ block: RowBlock, seeing attention: BlockAttention) -> Tensor {
        let context = attention.attend(query(query.quantize(x)), of: block)
        let h = attentionNorm(attentionOutput(attentionOutput.quantize(context), adding: x))
        return outputNorm(output(intermediate(intermediate.quantize(h), activation, for: output), adding: h))
    }
}
