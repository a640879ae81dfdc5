import Synchronization

/// A differentiable operation as the tape keeps it: what backward needs, and backward itself.
///
/// Each operation family has one file with its formula, forward (an extension of `Tape`) and this record side by side.
public protocol DifferentiableOperation {
    /// Adds the operation's share to the gradients of its operands, given ∂L/∂output (of the output's shape).
    func backward(_ gradient: Tensor, _ gradients: inout Gradients)
}

/// A tensor on a tape. Constants, which need no gradient, have no node.
public struct Variable {
    private enum Content {
        case tensor(Tensor)
        case activation(DeferredActivation)
        case packed
    }
    private let content: Content
    /// The value packed for matrix products, as far as it has been.
    let forms: PackedForms
    /// Where its gradient goes; what an operation keeps that does not need the value.
    public let slot: GradientSlot

    /// A value that no gradient flows to.
    public init(constant value: Tensor) {
        self.init(value: value, slot: GradientSlot(node: nil, buffer: nil, shape: value.shape))
    }

    init(value: Tensor, forms: PackedForms = PackedForms(), slot: GradientSlot) {
        content = .tensor(value)
        self.forms = forms
        self.slot = slot
    }

    /// An activation that exists as packed rows only, and is computed from its input where its value is asked for.
    init(_ activation: Activation, of input: Tensor, forms: PackedForms, slot: GradientSlot) {
        content = .activation(DeferredActivation(activation, of: input))
        self.forms = forms
        self.slot = slot
    }

    /// A weight of which only what linear layers multiply with is left.
    public init(packed forms: PackedForms, shape: [Int]) {
        content = .packed
        self.forms = forms
        slot = GradientSlot(node: nil, buffer: nil, shape: shape)
    }

    public var value: Tensor {
        switch content {
        case .tensor(let tensor): tensor
        case .activation(let activation): activation.tensor
        case .packed: preconditionFailure("Variable.value: of this weight only its packed form is kept")
        }
    }

    public var shape: [Int] { slot.shape }
    /// Whether a gradient flows to this value.
    public var needsGradient: Bool { slot.needsGradient }
}

/// An activation's output, computed when it is first asked for, from whatever thread, and kept from then on.
private final class DeferredActivation: Sendable {
    private let activation: Activation
    private let input: Tensor
    private let output = Mutex<Tensor?>(nil)

    init(_ activation: Activation, of input: Tensor) {
        self.activation = activation
        self.input = input
    }

    var tensor: Tensor {
        output.withLock { output in
            if let output { return output }
            let made = activation(input)
            output = made
            return made
        }
    }
}

/// Where the gradient of a variable goes. An operation that does not need the variable's value for backward keeps this
/// alone, so that the value's memory is free for the next operation.
public struct GradientSlot {
    let node: Int?
    /// The buffer of a leaf.
    let buffer: GradientBuffer?
    public let shape: [Int]

    public var needsGradient: Bool { node != nil }
}

/// A flat record of one forward pass, walked backwards once.
///
/// Node `i` is the output of record `i`. A tape that does not record computes the same values and keeps nothing, so
/// that intermediate tensors are released as forward goes on.
public final class Tape {
    private enum Record {
        case leaf
        case operation(any DifferentiableOperation)
        case released
    }

    public let isRecording: Bool
    /// The precision of the matrix products of linear layers and attention, forward and backward.
    public let precision: Precision
    /// Whether what runs in `checkpoint` is computed again in backward instead of being kept.
    public let isCheckpointing: Bool
    private var records: [Record] = []
    private var watched: [Int: Tensor] = [:]

    public init(recording: Bool = true, precision: Precision = .float32, checkpointing: Bool = false) {
        isRecording = recording
        self.precision = precision
        isCheckpointing = checkpointing
    }

    /// Puts a value on the tape whose gradient is added to `gradient` by `backward`.
    ///
    /// - Parameter forms: the value's packed forms, if they outlive this tape.
    public func leaf(_ value: Tensor, gradient: GradientBuffer, forms: PackedForms = PackedForms()) -> Variable {
        precondition(value.shape == gradient.shape, "Tape.leaf: \(value.shape) and \(gradient.shape)")
        guard isRecording else {
            return Variable(
                value: value, forms: forms, slot: GradientSlot(node: nil, buffer: nil, shape: value.shape))
        }
        records.append(.leaf)
        return Variable(
            value: value, forms: forms,
            slot: GradientSlot(node: records.count - 1, buffer: gradient, shape: value.shape))
    }

    /// Puts an operation's output on the tape, if any of its operands needs a gradient.
    ///
    /// - Parameter operation: builds the record; not called when none is needed.
    public func record(_ value: Tensor, from operands: Variable..., operation: () -> any DifferentiableOperation)
        -> Variable
    {
        Variable(value: value, slot: slot(of: value.shape, from: operands, operation: operation))
    }

    /// Where the gradient of an operation's output goes; the operation is recorded if any operand needs a gradient.
    private func slot(of shape: [Int], from operands: [Variable], operation: () -> any DifferentiableOperation)
        -> GradientSlot
    {
        guard isRecording, operands.contains(where: \.needsGradient) else {
            return GradientSlot(node: nil, buffer: nil, shape: shape)
        }
        records.append(.operation(operation()))
        return GradientSlot(node: records.count - 1, buffer: nil, shape: shape)
    }

    /// As `record`, for an activation that exists as packed rows only.
    func record(
        _ activation: Activation, of input: Tensor, packed: ProductRows, from operands: Variable...,
        operation: () -> any DifferentiableOperation
    ) -> Variable {
        let forms = PackedForms()
        forms.adopt(packed)
        return Variable(
            activation, of: input, forms: forms,
            slot: slot(of: input.shape, from: operands, operation: operation))
    }

    /// Keeps ∂L/∂variable when backward passes it, for `gradient(of:)`.
    public func watch(_ variable: Variable) {
        if let node = variable.slot.node { watched[node] = Tensor(zeros: variable.shape) }
    }

    /// The gradient of a watched variable after `backward`: zeros if none arrived, nil if it was not watched.
    public func gradient(of variable: Variable) -> Tensor? {
        variable.slot.node.flatMap { watched[$0] }
    }

    /// Adds ∂(output)/∂leaf · seed to the gradient buffer of every leaf, and releases the records on the way.
    ///
    /// - Parameter seed: ∂L/∂output; 1 where the output is the scalar loss itself.
    public func backward(from output: Variable, seed: Tensor? = nil) {
        guard let last = output.slot.node else { return }
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
            case .leaf: preconditionFailure("Tape.backward: a leaf's gradient goes to its buffer")
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
        add(gradient, to: variable.slot)
    }

    /// Adds `gradient` to what has arrived at `slot`; constants ignore it.
    public mutating func add(_ gradient: Tensor, to slot: GradientSlot) {
        guard let node = slot.node else { return }
        precondition(gradient.shape == slot.shape, "Gradients.add: \(gradient.shape) for \(slot.shape)")
        if let buffer = slot.buffer {
            buffer.add(gradient)
        } else if pending[node] == nil {
            pending[node] = gradient
        } else {
            pending[node]!.add(gradient)
        }
    }

    /// Adds row n of `gradient` to row ids[n] of what has arrived at a table.
    mutating func add(_ gradient: Tensor, toRows ids: [Int32], of table: GradientSlot) {
        let buffer = table.buffer ?? GradientBuffer(shape: table.shape)
        buffer.add(gradient, toRows: ids)
        if table.buffer == nil { add(buffer.value, to: table) }
    }

    /// Lets `body` write a gradient, or add it to what has arrived, without a tensor in between.
    ///
    /// - Parameter body: gets the memory and whether it must add to it rather than overwrite it.
    mutating func accumulate(into slot: GradientSlot, _ body: (UnsafeMutablePointer<Float>, Bool) -> Void) {
        guard let node = slot.node else { return }
        if let buffer = slot.buffer {
            buffer.accumulate(body)
        } else if pending[node] == nil {
            var gradient = Tensor(uninitialized: slot.shape)
            body(gradient.mutablePointer, false)
            pending[node] = gradient
        } else {
            body(pending[node]!.mutablePointer, true)
        }
    }

    fileprivate mutating func take(_ node: Int) -> Tensor? {
        defer { pending[node] = nil }
        return pending[node]
    }
}
