import CKernels

/// A weight matrix W: [O, I] as a running model uses it, whatever its form: y = x · Wᵀ for few rows of x at a time.
///
/// Rows of a result do not depend on the other rows, so that a text gives the same numbers in one pass or token by token.
public protocol Projection: Sendable {
    /// Rows of the matrix (O).
    var outputs: Int { get }
    /// Columns of the matrix (I).
    var inputs: Int { get }
    /// Writes some outputs of every row of x: [N, I] to their places in y: [N, O]. The range begins at a multiple of 8.
    func multiply(_ x: Tensor, _ range: Range<Int>, into y: UnsafeMutablePointer<Float>)
    /// y: [N, O] in the order of the outputs, if it was written in another.
    func ordered(_ y: Tensor) -> Tensor
    /// Row `index`, as of an embedding table: [I].
    func copyRow(_ index: Int, to destination: UnsafeMutablePointer<Float>)
}

extension Projection {
    public func ordered(_ y: Tensor) -> Tensor { y }

    /// x: [N, I] → [N, O].
    public func multiply(_ x: Tensor) -> Tensor {
        x.multiplied(by: [self])[0]
    }
}

extension Tensor {
    /// x · Wᵀ with several matrices at once: [N, I] → [N, O] of each. Threads start once for all of them.
    public func multiplied(by matrices: [any Projection]) -> [Tensor] {
        precondition(
            matrices.allSatisfy { $0.inputs == width },
            "Tensor.multiplied: \(shape) by \(matrices.map(\.inputs)) inputs")
        let groups = matrices.map { ($0.outputs + 7) / 8 }
        let starts = groups.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        var results = matrices.map { Tensor(uninitialized: [rows, $0.outputs]) }
        nonisolated(unsafe) let places = results.indices.map { results[$0].mutablePointer }
        Threads.forEachChunk(of: starts[matrices.count], grain: max(1, (1 << 12) / max(width, 1))) { range in
            for (index, matrix) in matrices.enumerated() {
                let own = range.clamped(to: starts[index]..<starts[index + 1])
                guard !own.isEmpty else { continue }
                let first = (own.lowerBound - starts[index]) * 8
                matrix.multiply(self, first..<min(first + own.count * 8, matrix.outputs), into: places[index])
            }
        }
        return zip(matrices, results).map { $0.ordered($1) }
    }
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

    public func multiply(_ x: Tensor, _ range: Range<Int>, into y: UnsafeMutablePointer<Float>) {
        kernels.multiply_rows(
            weight.pointer + range.lowerBound * inputs, range.count, inputs, x.pointer, x.rows, y + range.lowerBound,
            outputs)
    }

    public func copyRow(_ index: Int, to destination: UnsafeMutablePointer<Float>) {
        destination.update(from: weight.pointer + index * inputs, count: inputs)
    }
}
