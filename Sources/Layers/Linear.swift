public import Tensors

/// y = x · Wᵀ + b, with weight: [O, I] and bias: [O], which some layers do without.
///
/// Pruning may leave a layer without inputs (I = 0), which gives its bias, or without outputs (O = 0). What has no elements
/// is no parameter, and is in no file.
public final class Linear: Module {
    public let weight: Parameter
    public let bias: Parameter?
    /// Simulated quantization of this layer, if any: calibration or quantization-aware training.
    public var quantization: (any LinearQuantization)?

    public init(weight: Parameter, bias: Parameter?) {
        precondition(
            weight.shape.count == 2 && bias.map { $0.shape == [weight.shape[0]] } ?? true,
            "Linear: weight \(weight.shape) and bias \(bias?.shape ?? [])")
        self.weight = weight
        self.bias = bias
    }

    /// A fresh layer named `name` (its weights are `name.weight` and `name.bias`).
    public convenience init(
        name: String, input: Int, output: Int, hasBias: Bool = true, deviation: Double, key: RandomKey
    ) {
        self.init(
            weight: .normal(name: name + ".weight", shape: [output, input], deviation: deviation, key: key),
            bias: hasBias ? .constant(name: name + ".bias", count: output, value: 0) : nil)
    }

    /// The name without `.weight`.
    public var name: String { String(weight.name.dropLast(".weight".count)) }
    public var parameters: [Parameter] { ([weight] + (bias.map { [$0] } ?? [])).filter { $0.count > 0 } }

    /// x: [N, I] → [N, O], through the activation if there is one.
    public func callAsFunction(_ x: Variable, on tape: Tape, activation: Activation? = nil) -> Variable {
        if weight.count == 0 {
            let output = emptyProduct(rows: x.shape[0], on: tape)
            return activation.map { tape.activation($0, output) } ?? output
        }
        guard let quantization else {
            return tape.linear(x, weight: weight.on(tape), bias: bias?.on(tape), activation: activation)
        }
        return tape.linear(
            quantization.input(x, on: tape), weight: quantization.weight(weight.on(tape), on: tape),
            bias: bias?.on(tape), activation: activation)
    }

    /// What is left of the formula without inputs or without outputs.
    private func emptyProduct(rows: Int, on tape: Tape) -> Variable {
        if let bias, bias.count > 0 { return tape.repeated(bias.on(tape), rows: rows) }
        return Variable(constant: Tensor(zeros: [rows, weight.shape[0]]))
    }
}

/// What stands between a linear layer and its operands while quantization is simulated or calibrated.
public protocol LinearQuantization: AnyObject {
    /// The input as the quantized layer will see it. x: [N, I].
    func input(_ x: Variable, on tape: Tape) -> Variable
    /// The weight as the quantized layer will hold it. weight: [O, I].
    func weight(_ weight: Variable, on tape: Tape) -> Variable
}
