public import Tensors

/// Root-mean-square normalization with a learned scale; gamma: [C].
public struct RMSNorm: Normalization {
    public let gamma: Parameter
    public let epsilon: Float

    /// A fresh norm; its weight is `name.weight`, as published decoders name it.
    public init(name: String, width: Int, epsilon: Float) {
        gamma = .constant(name: name + ".weight", count: width, value: 1)
        self.epsilon = epsilon
    }

    public var parameters: [Parameter] { [gamma] }

    /// x: [N, C] → [N, C].
    public func callAsFunction(_ x: Variable, on tape: Tape) -> Variable {
        tape.rmsNorm(x, gamma: gamma.on(tape), epsilon: epsilon)
    }
}

/// A norm over the rows of its input; x: [N, C] → [N, C].
public protocol Normalization: Module {
    func callAsFunction(_ x: Variable, on tape: Tape) -> Variable
}

extension LayerNorm: Normalization {}
