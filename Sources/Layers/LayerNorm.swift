public import Tensors

/// Layer normalization with a learned scale and shift; gamma, beta: [C].
public struct LayerNorm: Module {
    public let gamma: Parameter
    public let beta: Parameter
    public let epsilon: Float

    /// A fresh norm; its weights are `name.weight` and `name.bias`, as published encoders name them.
    public init(name: String, width: Int, epsilon: Float) {
        gamma = .constant(name: name + ".weight", count: width, value: 1)
        beta = .constant(name: name + ".bias", count: width, value: 0)
        self.epsilon = epsilon
    }

    public var parameters: [Parameter] { [gamma, beta] }

    /// x: [N, C] → [N, C].
    public func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        tape.layerNorm(x, gamma: gamma.on(tape), beta: beta.on(tape), epsilon: epsilon)
    }

    /// The norm of residual + dropout(x); x, residual: [N, C] → [N, C].
    public func callAsFunction(
        adding x: Variable, to residual: Variable, on tape: Tape, dropout: Float, keys: DropoutKeys?, salt: UInt64
    ) -> Variable {
        tape.addNorm(
            x, residual: residual, gamma: gamma.on(tape), beta: beta.on(tape), epsilon: epsilon, dropout: dropout,
            keys: keys, salt: salt)
    }
}
