public import Tensors

/// A trained tensor with its published name and its gradient.
public final class Parameter {
    /// The name under which the weight is stored, such as `bert.encoder.layer.0.output.dense.weight`.
    public let name: String
    public var value: Tensor {
        get {
            guard let stored else { preconditionFailure("Parameter \(name): only its packed form is kept") }
            return stored
        }
        // In place: a setter would copy the tensor for each change of it.
        _modify {
            guard stored != nil else { preconditionFailure("Parameter \(name): only its packed form is kept") }
            // First, for a form may share the value's memory, which would be copied then.
            forms = PackedForms()
            yield &stored!
        }
    }
    /// Nil once `packForRunning` has packed it.
    private var stored: Tensor?
    public let gradient: GradientBuffer
    /// The value packed for matrix products, until it changes.
    private var forms = PackedForms()
    /// Whether weight decay applies: not for biases and norms.
    public let decays: Bool

    public init(name: String, value: Tensor, decays: Bool) {
        self.name = name
        stored = value
        self.decays = decays
        gradient = GradientBuffer(shape: value.shape)
    }

    /// A matrix drawn from a normal distribution; the numbers depend on the key and the name alone.
    /// Without deviation it is zero, to be filled with stored weights.
    public static func normal(name: String, shape: [Int], deviation: Double, key: RandomKey) -> Parameter {
        guard deviation > 0 else { return Parameter(name: name, value: Tensor(zeros: shape), decays: true) }
        let own = key.mixed(name)
        var value = Tensor(uninitialized: shape)
        value.withUnsafeMutableBufferPointer { values in
            // Each thread writes its own range.
            nonisolated(unsafe) let values = values
            Threads.forEachChunk(of: values.count, grain: 1 << 12) { range in
                for index in range { values[index] = Float(own.normal(index) * deviation) }
            }
        }
        return Parameter(name: name, value: value, decays: true)
    }

    /// A vector of one repeated value, without weight decay.
    public static func constant(name: String, count: Int, value: Float) -> Parameter {
        Parameter(name: name, value: Tensor(repeating: value, shape: [count]), decays: false)
    }

    public var shape: [Int] { gradient.shape }
    public var count: Int { shape.reduce(1, *) }

    /// Packs the weight of a linear layer that from now on is only run, in one precision, and gives the memory of its value
    /// back. From then on the value must be neither asked for nor set, nor may it be on a tape that records.
    public func packForRunning(in precision: Precision) {
        if let value = stored, count > 0, forms.pack(weight: value, precision) { stored = nil }
    }

    /// Puts the parameter on a tape.
    public func on(_ tape: Tape) -> Variable {
        guard stored != nil || tape.isRecording else { return Variable(packed: forms, shape: shape) }
        return tape.leaf(value, gradient: gradient, forms: forms)
    }
}

/// Anything that holds parameters.
public protocol Module {
    /// All parameters in a fixed order.
    var parameters: [Parameter] { get }
}

extension Module {
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }
}
