import Tensors
import Testing

/// Checks an operation's forward and backward against its formula in double precision.
///
/// The derivative of Σ w·y is taken from the reference by central differences with a step of 1e-5: their error, about
/// h² + 2⁻⁵²/h, is below 1e-9, so that all that is left is Float32's own rounding. That is 2⁻²⁴ per addition, and the
/// longest sums here have about 50 terms: 50 · 6e-8 = 3e-6 of the largest value; the tolerance is twice that.
///
/// - Parameters:
///   - operation: the operation on a tape, from variables in the order of `inputs`.
///   - reference: the same in double precision.
func checkGradients(
    _ inputs: [Tensor], tolerance: Double = 6e-6, operation: (Tape, [Variable]) -> Variable,
    reference: ([[Double]]) -> [Double], sourceLocation: SourceLocation = #_sourceLocation
) {
    let tape = Tape()
    let buffers = inputs.map { GradientBuffer(shape: $0.shape) }
    let variables = zip(inputs, buffers).map { tape.leaf($0, gradient: $1) }
    let output = operation(tape, variables)
    let point = inputs.map(\.values.doubles)
    let expected = reference(point)
    #expect(
        largestError(output.value.values, expected, scale: relativeToLargest(expected)) < tolerance, "forward",
        sourceLocation: sourceLocation)

    let weights = normals(output.value.count, "loss weights")
    tape.backward(from: output, seed: Tensor(weights, shape: output.shape))
    func loss(_ point: [[Double]]) -> Double {
        zip(reference(point), weights).reduce(0) { $0 + $1.0 * Double($1.1) }
    }
    let step = 1e-5
    for (index, values) in point.enumerated() {
        let numeric = values.indices.map { element in
            var (above, below) = (point, point)
            above[index][element] += step
            below[index][element] -= step
            return (loss(above) - loss(below)) / (2 * step)
        }
        let found = buffers[index].value.values
        #expect(
            largestError(found, numeric, scale: relativeToLargest(numeric)) < tolerance, "gradient of operand \(index)",
            sourceLocation: sourceLocation)
    }
}

/// Errors count against the largest value of the whole result, and at least against 1.
private func relativeToLargest(_ values: [Double]) -> (Double) -> Double {
    let largest = values.reduce(1) { max($0, abs($1)) }
    return { _ in largest }
}

/// A tensor of normal numbers that depend on the name alone.
func tensor(_ shape: [Int], _ name: String) -> Tensor {
    Tensor(normals(shape.reduce(1, *), name), shape: shape)
}
