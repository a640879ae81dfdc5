public import Models
public import Tensors

/// Runs a `QuantizedEncoder` on integers: 8-bit products summed in int32, everything between them in float.
///
/// Inputs of the linear layers are quantized with their fixed scales, query, key and value from one and the same
/// quantized input. Softmax, norms, activations, the residual stream and the attention products are float.
public final class IntegerRuntime: Classifier {
    public let configuration: EncoderConfiguration
    public let parameterCount: Int
    private let embedding: IntegerEmbedding
    private let layers: [IntegerLayer]
    private let pooler: IntegerLinear?
    private let classifier: (weight: Variable, bias: Variable)?

    /// Packs the weights for the integer product, once.
    public init(_ encoder: QuantizedEncoder) {
        configuration = encoder.configuration
        parameterCount = encoder.configuration.parameterCount
        embedding = IntegerEmbedding(encoder)
        layers = zip(encoder.layers, encoder.configuration.heads).map {
            IntegerLayer(
                $0, heads: $1, activation: encoder.configuration.activation,
                epsilon: encoder.configuration.layerNormEpsilon)
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
        var x = embedding.forward(batch, on: tape)
        for layer in layers { x = layer.forward(x, batch.offsets, on: tape) }
        let pooled =
            switch configuration.pooling {
            case .first: tape.firstPosition(x, batch.offsets)
            case .mean: tape.meanPosition(x, batch.offsets)
            case .max: tape.maxPosition(x, batch.offsets)
            }
        guard let pooler, let classifier else {
            return (configuration.normalizesEmbedding ? tape.normalize(pooled) : pooled).value
        }
        let dense = pooler(pooled)
        let inner = configuration.family == .distilbert ? tape.activation(.relu, dense) : tape.tanh(dense)
        return tape.linear(inner, weight: classifier.weight, bias: classifier.bias).value
    }
}

/// A quantized linear layer, packed: x: [N, I] → [N, O].
struct IntegerLinear {
    private let weight: PackedInt8Weight
    private let input: UInt8Quantization

    init(_ linear: QuantizedLinear) {
        weight = PackedInt8Weight(linear.weight, bias: linear.bias)
        input = linear.input
    }

    func callAsFunction(_ x: Variable) -> Variable {
        self(quantize(x))
    }

    /// The input as this layer reads it, to be shared by layers with the same input quantization.
    func quantize(_ x: Variable) -> UInt8Activations {
        UInt8Activations(x.value, input)
    }

    func callAsFunction(_ x: UInt8Activations) -> Variable {
        Variable(constant: weight.multiply(x))
    }
}

/// A float layer norm with fixed weights.
struct FixedNorm {
    private let gamma: Variable
    private let beta: Variable
    private let epsilon: Float

    init(_ norm: FloatNorm, epsilon: Float) {
        gamma = Variable(constant: Tensor(norm.gamma, shape: [norm.gamma.count]))
        beta = Variable(constant: Tensor(norm.beta, shape: [norm.beta.count]))
        self.epsilon = epsilon
    }

    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        tape.layerNorm(x, gamma: gamma, beta: beta, epsilon: epsilon)
    }
}
