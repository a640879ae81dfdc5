/// A differentiable operation as the tape keeps it: what backward needs, and backward itself.
///
/// Each operation family has one file with its formula, forward (an extension of `Tape`) and this record side by side.
public protocol DifferentiableOperation {
    /// Adds the operation's share to the gradients of its operands, given ∂L/∂output (of the output's shape).
    func backward(_ gradient: Tensor, _ gradients: inout Gradients)
}

/// A tensor on a tape. Constants, which need no gradient, have no node.
public struct Variable {
    public let value: Tensor
    let node: Int?

    /// A value that no gradient flows to.
    public init(constant value: Tensor) {
        self.value = value
        node = nil
    }

    init(value: Tensor, node: Int?) {
        self.value = value
        self.node = node
    }

    public var shape: [Int] { value.shape }
    /// Whether a gradient flows to this value.
    public var needsGradient: Bool { node != nil }
}

/// Where the gradient of a leaf, such as a weight, is summed up over backward passes.
public final class GradientBuffer {
    public var value: Tensor

    public init(shape: [Int]) {
        value = Tensor(zeros: shape)
    }

    /// Sets the gradient to zero, keeping the memory.
    public func clear() {
        value.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
    }
}

/// A flat record of one forward pass, walked backwards once.
///
/// Node `i` is the output of record `i`. A tape that does not record computes the same values and keeps nothing, so
/// that intermediate tensors are released as forward goes on.
public final class Tape {
    private enum Record {
        case leaf(GradientBuffer)
        case operation(any DifferentiableOperation)
        case released
    }

    public let isRecording: Bool
    private var records: [Record] = []
    private var watched: [Int: Tensor] = [:]

    public init(recording: Bool = true) {
        isRecording = recording
    }

    /// Puts a value on the tape whose gradient is added to `gradient` by `backward`.
    public func leaf(_ value: Tensor, gradient: GradientBuffer) -> Variable {
        guard isRecording else { return Variable(constant: value) }
        precondition(value.shape == gradient.value.shape, "Tape.leaf: \(value.shape) and \(gradient.value.shape)")
        records.append(.leaf(gradient))
        return Variable(value: value, node: records.count - 1)
    }

    /// Puts an operation's output on the tape, if any of its operands needs a gradient.
    ///
    /// - Parameter operation: builds the record; not called when none is needed.
    public func record(_ value: Tensor, from operands: Variable..., operation: () -> any DifferentiableOperation)
        -> Variable
    {
        guard isRecording, operands.contains(where: \.needsGradient) else { return Variable(constant: value) }
        records.append(.operation(operation()))
        return Variable(value: value, node: records.count - 1)
    }

    /// Keeps ∂L/∂variable when backward passes it, for `gradient(of:)`.
    public func watch(_ variable: Variable) {
        if let node = variable.node { watched[node] = Tensor(zeros: variable.shape) }
    }

    /// The gradient of a watched variable after `backward`: zeros if none arrived, nil if it was not watched.
    public func gradient(of variable: Variable) -> Tensor? {
        variable.node.flatMap { watched[$0] }
    }

    /// Adds ∂(output)/∂leaf · seed to the gradient buffer of every leaf, and releases the records on the way.
    ///
    /// - Parameter seed: ∂L/∂output; 1 where the output is the scalar loss itself.
    public func backward(from output: Variable, seed: Tensor? = nil) {
        guard let last = output.node else { return }
        let start = seed ?? Tensor(repeating: 1, shape: output.shape)
        precondition(start.shape == output.shape, "Tape.backward: seed \(start.shape) for output \(output.shape)")
        var gradients = Gradients(count: last + 1)
        gradients.add(start, to: output)
        for node in stride(from: last, through: 0, by: -1) {
            let record = records[node]
            records[node] = .released
            guard let gradient = gradients.take(node) else { continue }
            if watched[node] != nil { watched[node] = gradient }
            switch record {
            case .leaf(let buffer): buffer.value.add(gradient)
            case .operation(let operation): operation.backward(gradient, &gradients)
            case .released: preconditionFailure("Tape.backward: this part of the tape was walked before")
            }
        }
    }
}

/// The gradients of the nodes that backward has not reached yet.
public struct Gradients {
    private var pending: [Tensor?]

    fileprivate init(count: Int) {
        pending = Array(repeating: nil, count: count)
    }

    /// Adds `gradient` to what has arrived at `variable`; constants ignore it.
    public mutating func add(_ gradient: Tensor, to variable: Variable) {
        guard let node = variable.node else { return }
        precondition(gradient.shape == variable.shape, "Gradients.add: \(gradient.shape) for \(variable.shape)")
        if pending[node] == nil {
            pending[node] = gradient
        } else {
            pending[node]!.add(gradient)
        }
    }

    fileprivate mutating func take(_ node: Int) -> Tensor? {
        defer { pending[node] = nil }
        return pending[node]
    }
}
