import Tensors
import Testing

/// Checks an operation's forward and backward against its formula in double precision.
///
/// The derivative of Σ w·y is taken from the reference by central differences with a step of 1e-5: their error, about
/// h² + 2⁻⁵²/h, is below 1e-9, so that all that is left is Float32's own rounding. That is 2⁻²⁴ per addition, and the
/// longest sums here have about 50 terms: 50 · 6e-8 = 3e-6 of the largest value; the tolerance is twice that.
/// Then each operand in turn becomes a constant, which must not change the gradients of the others.
///
/// - Parameters:
///   - operation: the operation on a tape, from variables in the order of `inputs`.
///   - reference: the same in double precision.
func checkGradients(
    _ inputs: [Tensor], tolerance: Double = 6e-6, operation: (Tape, [Variable]) -> Variable,
    reference: ([[Double]]) -> [Double], sourceLocation: SourceLocation = #_sourceLocation
) {
    func run(constant: Int? = nil) -> (output: Tensor, gradients: [[Float]]) {
        let (tape, buffers) = (Tape(), inputs.map { GradientBuffer(shape: $0.shape) })
        let variables = inputs.indices.map {
            $0 == constant ? Variable(constant: inputs[$0]) : tape.leaf(inputs[$0], gradient: buffers[$0])
        }
        let output = operation(tape, variables)
        let seed = normals(output.value.count, "loss weights")
        tape.backward(from: output, seed: Tensor(seed, shape: output.shape))
        return (output.value, buffers.map(\.value.values))
    }
    let (output, gradients) = run()
    let point = inputs.map(\.values.doubles)
    let expected = reference(point)
    #expect(
        largestError(output.values, expected, scale: relativeToLargest(expected)) < tolerance, "forward",
        sourceLocation: sourceLocation)

    let weights = normals(output.count, "loss weights").doubles
    for (index, values) in point.enumerated() {
        let numeric = Reference.centralDifferences(at: values) { moved in
            var point = point
            point[index] = moved
            return zip(reference(point), weights).reduce(0) { $0 + $1.0 * $1.1 }
        }
        #expect(
            largestError(gradients[index], numeric, scale: relativeToLargest(numeric)) < tolerance,
            "gradient of operand \(index)", sourceLocation: sourceLocation)
        var others = gradients
        others[index] = [Float](repeating: 0, count: values.count)
        #expect(
            run(constant: index).gradients == others, "operand \(index) as a constant", sourceLocation: sourceLocation)
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
