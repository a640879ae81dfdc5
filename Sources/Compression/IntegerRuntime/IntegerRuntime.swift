public import Models
public import Tensors

/// Runs a `QuantizedEncoder` on integers: 8-bit products summed in int32, everything between them in float.
///
/// Inputs of the linear layers are quantized on fixed grids or one per token, query, key and value from one and the same
/// quantized input. Softmax, norms, activations, the residual stream, the attention products and the layers that the model
/// keeps in float are float.
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
        let dense = pooler(pooled, on: tape)
        let inner = configuration.family == .distilbert ? tape.activation(.relu, dense) : tape.tanh(dense)
        return tape.linear(inner, weight: classifier.weight, bias: classifier.bias).value
    }
}

/// A linear layer of a quantized model, packed where it is int8: x: [N, I] → [N, O].
struct IntegerLinear {
    private enum Weight {
        case fixed(PackedInt8Weight, UInt8Quantization)
        case perToken(PackedInt8Weight)
        case float(weight: Variable, bias: Variable)
    }

    /// An input as layers that share it read it.
    enum Input {
        case levels(UInt8Activations)
        case float(Variable)
    }

    private let weight: Weight
    private let factors: [Float]?

    init(_ linear: QuantizedLinear) {
        factors = linear.inputFactors
        switch linear.form {
        case .fixed(let matrix, let grid): weight = .fixed(PackedInt8Weight(matrix, bias: linear.bias), grid)
        case .perToken(let matrix): weight = .perToken(PackedInt8Weight(matrix, bias: linear.bias))
        case .float(let values):
            let outputs = linear.bias.count
            weight = .float(
                weight: Variable(constant: Tensor(values, shape: [outputs, values.count / outputs])),
                bias: Variable(constant: Tensor(linear.bias, shape: [outputs])))
        }
    }

    func callAsFunction(_ x: Variable, adding residual: Variable? = nil, on tape: Tape) -> Variable {
        self(quantize(x), adding: residual, on: tape)
    }

    /// f of the layer's result as `next` reads it.
    func callAsFunction(_ x: Variable, _ activation: Activation, for next: IntegerLinear, on tape: Tape) -> Input {
        let input = quantize(x)
        guard case .fixed(_, let grid) = next.weight, next.factors == nil, case .levels(let levels) = input else {
            return next.quantize(tape.activation(activation, self(input, on: tape)))
        }
        switch weight {
        case .fixed(let weight, _), .perToken(let weight):
            return .levels(weight.multiply(levels, activation, onto: grid))
        case .float: preconditionFailure("IntegerLinear: a float layer read integers")
        }
    }

    /// The input as this layer reads it, to be shared by layers that quantize it alike.
    func quantize(_ x: Variable) -> Input {
        func smoothed() -> Tensor { factors.map { x.value.scalingColumns(by: $0) } ?? x.value }
        return switch weight {
        case .fixed(_, let grid): .levels(UInt8Activations(smoothed(), grid))
        case .perToken: .levels(UInt8Activations(perRow: smoothed()))
        case .float: .float(x)
        }
    }

    /// The layer's result, and `residual` added to it.
    func callAsFunction(_ x: Input, adding residual: Variable? = nil, on tape: Tape) -> Variable {
        switch (weight, x) {
        case (.fixed(let weight, _), .levels(let levels)), (.perToken(let weight), .levels(let levels)):
            return Variable(constant: weight.multiply(levels, adding: residual?.value))
        case (.float(let weight, let bias), .float(let x)):
            let y = tape.linear(x, weight: weight, bias: bias)
            return residual.map { tape.add(y, $0) } ?? y
        case (.fixed, .float), (.perToken, .float), (.float, .levels):
            preconditionFailure("IntegerLinear: layers that share an input are stored in different ways")
        }
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
