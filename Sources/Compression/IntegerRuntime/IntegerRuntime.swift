public import Models
public import Tensors

/// Runs a `QuantizedEncoder` on integers: 8-bit products summed in int32, everything between them in float.
///
/// Inputs of the linear layers are quantized on fixed grids or one per token, query, key and value from one and the same
/// quantized input. Softmax, norms, activations, the residual stream and the layers that the model keeps in float are float32;
/// attention's products have the precision that is asked for.
///
/// A thread takes a block of rows through a whole layer, so that what the layer makes of them stays in its cache; where blocks
/// are few, the threads share the products of each instead. Of the last layer only the rows that the pooling reads are computed.
public final class IntegerRuntime: Classifier {
    public let configuration: EncoderConfiguration
    public let parameterCount: Int
    private let embedding: IntegerEmbedding
    private let layers: [IntegerLayer]
    private let pooler: IntegerLinear?
    private let classifier: (weight: Variable, bias: Variable)?
    private let attentionPrecision: Precision

    /// Packs the weights for the integer product, once.
    public init(_ encoder: QuantizedEncoder, attention precision: Precision = .fastest) {
        configuration = encoder.configuration
        parameterCount = encoder.configuration.parameterCount
        attentionPrecision = precision
        embedding = IntegerEmbedding(encoder)
        layers = zip(encoder.layers, encoder.configuration.heads).map {
            IntegerLayer($0, heads: $1, encoder.configuration)
        }
        pooler = encoder.pooler.map(IntegerLinear.init)
        let (classes, width) = (encoder.configuration.labels.count, encoder.configuration.hiddenSize)
        classifier = encoder.classifier.map {
            (
                Variable(constant: Tensor($0.weight, shape: [classes, width])),
                Variable(constant: Tensor($0.bias, shape: [classes]))
            )
        }
    }

    public func logits(_ batch: PackedBatch) -> Tensor {
        let tape = Tape(recording: false)
        let pooled = self.pooled(batch, on: tape)
        guard let pooler, let classifier else {
            return (configuration.normalizesEmbedding ? tape.normalize(pooled) : pooled).value
        }
        // Integers cannot say that a number was none.
        guard pooled.value.isFinite else {
            return Tensor(repeating: .nan, shape: [batch.offsets.count, configuration.labels.count])
        }
        let dense = Variable(constant: pooler(pooled.value))
        let inner = configuration.family == .distilbert ? tape.activation(.relu, dense) : tape.tanh(dense)
        return tape.linear(inner, weight: classifier.weight, bias: classifier.bias).value
    }

    /// What `body` makes of each block.
    private func forEach(_ blocks: [RowBlock], _ body: (Int) -> Tensor) -> [Tensor] {
        2 * blocks.count > Threads.count ? Threads.map(blocks.count, body) : blocks.indices.map(body)
    }

    /// One row for each text: [B, C].
    private func pooled(_ batch: PackedBatch, on tape: Tape) -> Variable {
        let offsets = batch.offsets
        let blocks = RowBlock.covering(offsets)
        func attention(_ layer: Int) -> BlockAttention {
            layers[layer].attention(offsets, attentionPrecision)
        }
        let positions = batch.positions
        var current = attention(0)
        var x = forEach(blocks) {
            let x = embedding.forward(batch, positions, rows: blocks[$0].rows)
            layers[0].store(x, blocks[$0], in: current)
            return x
        }
        // A layer's queries need all of its keys and values: each pass ends with those of the next layer.
        for index in 1..<layers.count {
            let (seen, next) = (current, attention(index))
            x = forEach(blocks) {
                let y = layers[index - 1].forward(x[$0], blocks[$0], seeing: seen)
                layers[index].store(y, blocks[$0], in: next)
                return y
            }
            current = next
        }
        let last = layers[layers.count - 1]
        func finished(_ x: [Tensor], _ blocks: [RowBlock]) -> Variable {
            Variable(
                constant: Tensor.joining(
                    forEach(blocks) { last.forward(x[$0], blocks[$0], seeing: current) }))
        }
        switch configuration.pooling {
        case .first:
            let first = Tensor.joining(
                zip(x, blocks).flatMap { x, block in block.sequenceStarts.map { x.rows($0..<$0 + 1) } })
            let blocks = RowBlock.firstPositions(offsets)
            return finished(blocks.map { first.rows($0.rows) }, blocks)
        case .mean: return tape.meanPosition(finished(x, blocks), offsets)
        case .max: return tape.maxPosition(finished(x, blocks), offsets)
        }
    }
}
