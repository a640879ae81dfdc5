import CKernels
import Foundation

/// z = x + y; the gradient goes to both unchanged.
private struct Add: DifferentiableOperation {
    let x: GradientSlot
    let y: GradientSlot

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        gradients.add(gradient, to: x)
        gradients.add(gradient, to: y)
    }
}

/// y = f(x), f an activation, such as GELU(x) = x · Φ(x), Φ the normal distribution function (Hendrycks, Gimpel 2016,
/// arXiv 1606.08415; exact form), with dy/dx = Φ(x) + x · φ(x).
private struct Activated: DifferentiableOperation {
    let x: Variable
    let activation: Activation

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        var dx = Tensor(uninitialized: x.shape)
        let destination = dx.mutablePointer
        Threads.forEachChunk(of: dx.count, grain: 1 << 15) { range in
            let start = range.lowerBound
            activation.applyBackward(
                x.value.pointer + start, gradient.pointer + start, destination + start, range.count)
        }
        gradients.add(dx, to: x)
    }
}

/// y = tanh(x); dy/dx = 1 − y².
private struct Tanh: DifferentiableOperation {
    let x: GradientSlot
    let y: Tensor

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        var dx = Tensor(uninitialized: x.shape)
        let (destination, output, incoming) = (dx.mutablePointer, y.pointer, gradient.pointer)
        for i in 0..<y.count { destination[i] = incoming[i] * (1 - output[i] * output[i]) }
        gradients.add(dx, to: x)
    }
}

/// y = Σ_k w_k · x_k over scalars; the gradient of x_k is w_k.
private struct WeightedSum: DifferentiableOperation {
    let terms: [(weight: Float, value: Variable)]

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        for term in terms {
            gradients.add(Tensor([gradient.scalar * term.weight], shape: term.value.shape), to: term.value)
        }
    }
}

extension Tape {
    /// x + y of equal shapes.
    public func add(_ x: Variable, _ y: Variable) -> Variable {
        precondition(x.shape == y.shape, "add: \(x.shape) and \(y.shape)")
        var z = Tensor(uninitialized: x.shape)
        let destination = z.mutablePointer
        Threads.forEachChunk(of: z.count, grain: 1 << 16) { range in
            let start = range.lowerBound
            kernels.add(x.value.pointer + start, y.value.pointer + start, destination + start, range.count)
        }
        return record(z, from: x, y) { Add(x: x.slot, y: y.slot) }
    }

    /// GELU with the exact normal distribution function, element by element.
    public func gelu(_ x: Variable) -> Variable {
        activation(.gelu, x)
    }

    /// An activation, element by element.
    public func activation(_ activation: Activation, _ x: Variable) -> Variable {
        record(activation(x.value), from: x) { Activated(x: x, activation: activation) }
    }

    /// Hyperbolic tangent, element by element. Meant for small tensors such as a pooled output.
    public func tanh(_ x: Variable) -> Variable {
        var y = Tensor(uninitialized: x.shape)
        let (source, destination) = (x.value.pointer, y.mutablePointer)
        for i in 0..<y.count { destination[i] = Foundation.tanh(source[i]) }
        return record(y, from: x) { Tanh(x: x.slot, y: y) }
    }

    /// Σ weight · value over scalars: the combined loss.
    public func weightedSum(_ terms: [(weight: Float, value: Variable)]) -> Variable {
        let sum = terms.reduce(Float(0)) { $0 + $1.weight * $1.value.value.scalar }
        guard let needy = terms.first(where: \.value.needsGradient) else {
            return Variable(constant: Tensor([sum], shape: [1]))
        }
        return record(Tensor([sum], shape: [1]), from: needy.value) { WeightedSum(terms: terms) }
    }
}
