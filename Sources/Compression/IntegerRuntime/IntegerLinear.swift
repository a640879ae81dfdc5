import Models
import Tensors

/// A linear layer of a quantized model, packed where it is int8: x: [N, I] → [N, O].
struct IntegerLinear {
    private enum Weight {
        case fixed(PackedInt8Weight, UInt8Quantization)
        case perToken(PackedInt8Weight)
        case float(PackedFloatWeight)
    }

    /// An input as layers that share it read it.
    enum Input {
        case levels(UInt8Activations)
        case float(Tensor)
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
                PackedFloatWeight(
                    Tensor(values, shape: [outputs, outputs > 0 ? values.count / outputs : 0]),
                    bias: Tensor(linear.bias, shape: [outputs])))
        }
    }

    func callAsFunction(_ x: Tensor) -> Tensor {
        self(quantize(x))
    }

    /// The input as this layer reads it, to be shared by layers that quantize it alike.
    func quantize(_ x: Tensor) -> Input {
        func smoothed() -> Tensor { factors.map { x.scalingColumns(by: $0) } ?? x }
        return switch weight {
        case .fixed(_, let grid): .levels(UInt8Activations(smoothed(), grid))
        case .perToken: .levels(UInt8Activations(perRow: smoothed()))
        case .float: .float(x)
        }
    }

    /// The layer's result, and `residual` added to it.
    func callAsFunction(_ x: Input, adding residual: Tensor? = nil) -> Tensor {
        switch (weight, x) {
        case (.fixed(let weight, _), .levels(let levels)), (.perToken(let weight), .levels(let levels)):
            return weight.multiply(levels, adding: residual)
        case (.float(let weight), .float(let x)):
            var y = weight.multiply(x)
            if let residual { y.add(residual) }
            return y
        case (.fixed, .float), (.perToken, .float), (.float, .levels):
            preconditionFailure("IntegerLinear: layers that share an input are stored in different ways")
        }
    }

    /// f of the layer's result as `next` reads it.
    func callAsFunction(_ x: Input, _ activation: Activation, for next: IntegerLinear) -> Input {
        switch (weight, x, next.weight) {
        case (.fixed(let weight, _), .levels(let levels), .fixed(_, let grid)) where next.factors == nil,
            (.perToken(let weight), .levels(let levels), .fixed(_, let grid)) where next.factors == nil:
            return .levels(weight.multiply(levels, activation, onto: grid))
        default: return next.quantize(activation(self(x)))
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

    func callAsFunction(_ x: Tensor) -> Tensor {
        Tape(recording: false).layerNorm(Variable(constant: x), gamma: gamma, beta: beta, epsilon: epsilon).value
    }
}
