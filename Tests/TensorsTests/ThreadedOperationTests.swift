import Tensors
import Testing

/// Shapes large enough to be split over threads. Their Jacobians are too large to be differenced element by element, so
/// the derivative is taken along one random direction of all operands at once.
@Suite("Operations that are split over threads")
struct ThreadedOperationTests {
    /// Checks forward and the derivative along a direction, and that a second run gives the same bits.
    ///
    /// Both sides of the derivative are sums of thousands of products of random signs; Float32 leaves about 1e-6 of the
    /// root of their sum of squares, which the tolerance counts against.
    private func check(
        _ inputs: [Tensor], operation: (Tape, [Variable]) -> Variable, reference: ([[Double]]) -> [Double],
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        func run() -> (output: Tensor, gradients: [[Float]]) {
            let (tape, buffers) = (Tape(), inputs.map { GradientBuffer(shape: $0.shape) })
            let output = operation(tape, zip(inputs, buffers).map { tape.leaf($0, gradient: $1) })
            tape.backward(from: output, seed: tensor(output.shape, "loss weights"))
            return (output.value, buffers.map(\.value.values))
        }
        let (output, gradients) = run()
        let point = inputs.map(\.values.doubles)
        let expected = reference(point)
        let largest = expected.reduce(1) { max($0, abs($1)) }
        #expect(
            largestError(output.values, expected, scale: { _ in largest }) < 6e-6, "forward",
            sourceLocation: sourceLocation)

        let weights = tensor(output.shape, "loss weights").values.doubles
        let directions = inputs.indices.map { normals(inputs[$0].count, "direction \($0)").doubles }
        let numeric = Reference.centralDifferences(at: [0]) { step in
            let moved = zip(point, directions).map { Reference.addScaled($1, by: step[0], to: $0) }
            return zip(reference(moved), weights).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let products = zip(gradients, directions).flatMap { zip($0.doubles, $1).map { $0 * $1 } }
        let size = Reference.sumOfSquares(products).squareRoot()
        #expect(
            abs(products.reduce(0, +) - numeric[0]) < 1e-5 * size, "derivative along a direction",
            sourceLocation: sourceLocation)

        let again = run()
        #expect(again.output.values == output.values, "the same bits again", sourceLocation: sourceLocation)
        #expect(again.gradients == gradients, "the same gradients again", sourceLocation: sourceLocation)
    }

    @Test("Linear, split by rows and by columns", arguments: [(160, 130, 100), (40, 130, 420)])
    func linear(rows: Int, input: Int, output: Int) {
        check(
            [tensor([rows, input], "x"), tensor([output, input], "w"), tensor([output], "b")],
            operation: { $0.linear($1[0], weight: $1[1], bias: $1[2]) },
            reference: { Reference.linear($0[0], weight: $0[1], bias: $0[2], input: input) })
    }

    @Test("Linear through an activation", arguments: [Activation.gelu, .geluTanh])
    func linearWithActivation(activation: Activation) {
        check(
            [tensor([300, 64], "x"), tensor([130, 64], "w"), tensor([130], "b")],
            operation: { $0.linear($1[0], weight: $1[1], bias: $1[2], activation: activation) },
            reference: {
                let before = Reference.linear($0[0], weight: $0[1], bias: $0[2], input: 64)
                return before.map(activation == .gelu ? Reference.gelu : Reference.geluTanh)
            })
    }

    @Test("Sum and GELU")
    func elementwise() {
        check(
            [tensor([300, 500], "x"), tensor([300, 500], "y")], operation: { $0.gelu($0.add($1[0], $1[1])) },
            reference: { Reference.add($0[0], $0[1]).map(Reference.gelu) })
    }

    @Test("Layer norm")
    func layerNorm() {
        check(
            [tensor([700, 100], "x"), tensor([100], "gamma"), tensor([100], "beta")],
            operation: { $0.layerNorm($1[0], gamma: $1[1], beta: $1[2], epsilon: 0.01) },
            reference: { Reference.layerNorm($0[0], gamma: $0[1], beta: $0[2], epsilon: Double(Float(0.01))).y })
    }

    @Test("Dropout")
    func dropout() {
        let keys = DropoutKeys(rows: (0..<400).map { RandomKey(3).mixed($0).value })
        check(
            [tensor([400, 200], "x")], operation: { $0.dropout($1[0], probability: 0.4, keys: keys, salt: 7) },
            reference: { x in
                let factors = Reference.dropoutFactors(keys: keys.rows, salt: 7, width: 200, probability: 0.4)
                return zip(x[0], factors).map { $0 * $1 }
            })
    }

    @Test(
        "Attention over sequences of very different lengths, with dropout, causal or not",
        arguments: [(heads: 4, size: 16), (3, 20), (1, 50)], [false, true])
    func attention(layout: (heads: Int, size: Int), causal: Bool) {
        let offsets = SequenceOffsets(lengths: [1, 70, 3, 40, 1, 1, 90, 20, 64, 129])
        let keys = DropoutKeys(rows: (0..<offsets.rows).map { RandomKey(4).mixed($0).value })
        check(
            ["q", "k", "v"].map { tensor([offsets.rows, layout.heads * layout.size], $0) },
            operation: {
                $0.attention(
                    q: $1[0], k: $1[1], v: $1[2], heads: layout.heads, offsets: offsets, causal: causal, dropout: 0.2,
                    keys: keys, salt: 5)
            },
            reference: {
                Reference.attention(
                    q: $0[0], k: $0[1], v: $0[2], heads: layout.heads, offsets: offsets, causal: causal, dropout: 0.2,
                    keys: keys, salt: 5)
            })
    }

    @Test("Attention whose query heads share key heads")
    func groupedAttention() {
        let offsets = SequenceOffsets(lengths: [1, 70, 40, 129])
        check(
            [tensor([240, 96], "q"), tensor([240, 32], "k"), tensor([240, 32], "v")],
            operation: {
                $0.attention(q: $1[0], k: $1[1], v: $1[2], heads: 6, keyHeads: 2, offsets: offsets, causal: true)
            },
            reference: {
                Reference.attention(
                    q: $0[0], k: $0[1], v: $0[2], heads: 6, keyHeads: 2, offsets: offsets, causal: true)
            })
    }

    @Test("Root-mean-square norm, rotary positions and gated unit")
    func decoderOperations() {
        let frequencies = (0..<8).map { 1 / Double(1 + $0) }
        let positions = (0..<700).map { Int32($0 % 90) }
        let table = RotaryTable(positions: 90, frequencies: frequencies)
        check(
            [tensor([700, 96], "x"), tensor([96], "gamma")],
            operation: { $0.rmsNorm($1[0], gamma: $1[1], epsilon: 0.01) },
            reference: { Reference.rmsNorm($0[0], gamma: $0[1], epsilon: Double(Float(0.01))).y })
        check(
            [tensor([700, 96], "x")], operation: { $0.rotary($1[0], positions: positions, table: table) },
            reference: { Reference.rotary($0[0], positions: positions, frequencies: frequencies) })
        check(
            [tensor([700, 96], "gate"), tensor([700, 96], "up")],
            operation: { $0.swiGLU(gate: $1[0], up: $1[1]) },
            reference: { zip($0[0], $0[1]).map { Reference.silu($0) * $1 } })
    }

    @Test("A sum with a residual and layer norm, with dropout")
    func addNorm() {
        let keys = DropoutKeys(rows: (0..<700).map { RandomKey(5).mixed($0).value })
        check(
            [tensor([700, 100], "x"), tensor([700, 100], "residual"), tensor([100], "gamma"), tensor([100], "beta")],
            operation: {
                $0.addNorm(
                    $1[0], residual: $1[1], gamma: $1[2], beta: $1[3], epsilon: 0.01, dropout: 0.3, keys: keys, salt: 6)
            },
            reference: {
                Reference.addNorm(
                    $0[0], residual: $0[1], gamma: $0[2], beta: $0[3], epsilon: Double(Float(0.01)), dropout: 0.3,
                    keys: keys, salt: 6)
            })
    }

    /// So wide that the logits exist for 16 rows at a time and their gradients are transposed in several parts.
    @Test("A loss of the rows of x · Wᵀ, block by block")
    func rowwiseLoss() {
        let vocabulary = 200_000
        check(
            [tensor([37, 2], "x"), tensor([vocabulary, 2], "w")],
            operation: {
                $0.rowwiseLoss($1[0], weight: $1[1]) { row, z in
                    let factor = Float(row + 1) / 1e7
                    let loss = z.reduce(0.0) { $0 + Double(factor * $1 * $1) / 2 }
                    for index in z.indices { z[index] *= factor }
                    return loss
                }
            },
            reference: {
                let z = Reference.linear($0[0], weight: $0[1], input: 2)
                let terms = z.enumerated().map { Double($0.offset / vocabulary + 1) / 2e7 * $0.element * $0.element }
                return [terms.reduce(0, +)]
            })
    }

    @Test("AdamW and a scaled sum")
    func adamW() {
        let count = 100_000
        var (weight, first, second) = (tensor([count], "w"), Tensor(zeros: [count]), Tensor(zeros: [count]))
        let (start, gradient) = (weight.values, GradientBuffer(shape: [count]))
        gradient.value = tensor([count], "g")
        for step in 1...3 {
            weight.applyAdamW(
                gradient: gradient, first: &first, second: &second, gradientScale: 0.5, learningRate: 0.01, beta1: 0.9,
                beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, step: step)
        }
        let expected = zip(start, gradient.value.values).map { start, gradient in
            (1...3).reduce(Reference.AdamWState(weight: Double(start))) {
                Reference.adamW($0, gradient: Double(gradient) * 0.5, step: $1, learningRate: 0.01, weightDecay: 0.1)
            }
        }
        #expect(largestError(weight.values, expected.map(\.weight), scale: relative(1)) < 1e-6)

        var sum = tensor([300, 500], "x")
        sum.add(tensor([300, 500], "y"), scaledBy: 2)
        let sums = Reference.addScaled(
            normals(150_000, "y").doubles, by: 2, to: normals(150_000, "x").doubles)
        #expect(largestError(sum.values, sums, scale: relative(1)) < 3e-7)
    }
}
