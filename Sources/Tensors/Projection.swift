import CKernels

/// A weight matrix W: [O, I] as a running model uses it, whatever its form: y = x · Wᵀ for few rows of x at a time.
///
/// Rows of a result do not depend on the other rows, so that a text gives the same numbers in one pass or token by token.
public protocol Projection: Sendable {
    /// Rows of the matrix (O).
    var outputs: Int { get }
    /// Columns of the matrix (I).
    var inputs: Int { get }
    /// x: [N, I] → [N, O].
    func multiply(_ x: Tensor) -> Tensor
    /// Row `index`, as of an embedding table: [I].
    func copyRow(_ index: Int, to destination: UnsafeMutablePointer<Float>)
}

/// A float32 matrix: [O, I].
public struct FloatProjection: Projection {
    private let weight: Tensor

    public init(_ weight: Tensor) {
        precondition(weight.shape.count == 2, "FloatProjection: \(weight.shape)")
        self.weight = weight
    }

    public var outputs: Int { weight.shape[0] }
    public var inputs: Int { weight.shape[1] }

    public func multiply(_ x: Tensor) -> Tensor {
        precondition(x.width == inputs, "FloatProjection: \(x.shape) for \(weight.shape)")
        var y = Tensor(uninitialized: [x.rows, outputs])
        let destination = y.mutablePointer
        Threads.forEachChunk(of: outputs, grain: max(1, (1 << 14) / max(inputs, 1))) { range in
            kernels.multiply_rows(
                weight.pointer + range.lowerBound * inputs, range.count, inputs, x.pointer, x.rows,
                destination + range.lowerBound, outputs)
        }
        return y
    }

    public func copyRow(_ index: Int, to destination: UnsafeMutablePointer<Float>) {
        destination.update(from: weight.pointer + index * inputs, count: inputs)
    }
}
