import Tensors
import Testing

@Suite("Every operation's gradient equals central differences of its formula in Float64")
struct GradientTests {
    @Test("A row that is repeated, as a layer without inputs gives its bias")
    func repeatedRow() {
        checkGradients(
            [tensor([5], "x")], operation: { $0.gelu($0.repeated($1[0], rows: 3)) },
            reference: { ($0[0] + $0[0] + $0[0]).map(Reference.gelu) })
    }

    @Test("Linear, with and without bias", arguments: [(1, 1, 1), (3, 5, 4), (7, 17, 33), (2, 48, 1)])
    func linear(rows: Int, input: Int, output: Int) {
        let operands = [tensor([rows, input], "x"), tensor([output, input], "w"), tensor([output], "b")]
        checkGradients(
            operands, operation: { $0.linear($1[0], weight: $1[1], bias: $1[2]) },
            reference: { Reference.linear($0[0], weight: $0[1], bias: $0[2], input: input) })
        checkGradients(
            Array(operands.prefix(2)), operation: { $0.linear($1[0], weight: $1[1], bias: nil) },
            reference: { Reference.linear($0[0], weight: $0[1], input: input) })
    }

    @Test(
        "Linear through an activation",
        arguments: [(1, 1, 1), (3, 5, 4), (7, 17, 33)],
        [(Activation.gelu, Reference.gelu), (.geluTanh, Reference.geluTanh), (.relu, Reference.relu)])
    func linearWithActivation(shape: (Int, Int, Int), activation: (Activation, @Sendable (Double) -> Double)) {
        let (rows, input, output) = shape
        checkGradients(
            [tensor([rows, input], "x"), tensor([output, input], "w"), tensor([output], "b")],
            operation: { $0.linear($1[0], weight: $1[1], bias: $1[2], activation: activation.0) },
            reference: {
                Reference.linear($0[0], weight: $0[1], bias: $0[2], input: input).map(activation.1)
            })
    }

    @Test("Two linear layers on one value that is itself computed, and one weight used twice")
    func sharedLinear() {
        checkGradients(
            [tensor([3, 5], "x"), tensor([4, 5], "v"), tensor([4, 5], "w")],
            operation: { tape, operands in
                let x = tape.gelu(operands[0])
                return tape.add(
                    tape.linear(x, weight: operands[1], bias: nil), tape.linear(x, weight: operands[2], bias: nil))
            },
            reference: {
                let x = $0[0].map(Reference.gelu)
                return Reference.add(
                    Reference.linear(x, weight: $0[1], input: 5), Reference.linear(x, weight: $0[2], input: 5))
            })
        checkGradients(
            [tensor([3, 5], "x"), tensor([5, 5], "w")],
            operation: { $0.linear($0.linear($1[0], weight: $1[1], bias: nil), weight: $1[1], bias: nil) },
            reference: {
                Reference.linear(Reference.linear($0[0], weight: $0[1], input: 5), weight: $0[1], input: 5)
            })
    }

    @Test("A loss of the rows of x · Wᵀ")
    func rowwiseLoss() {
        // f_n(z) = (n + 1) · Σ z²/2, whose gradient is (n + 1) · z.
        checkGradients(
            [tensor([3, 5], "x"), tensor([7, 5], "w")],
            operation: {
                $0.rowwiseLoss($1[0], weight: $1[1]) { row, z in
                    let loss = z.reduce(0.0) { $0 + Double(row + 1) * Double($1 * $1) / 2 }
                    for index in z.indices { z[index] *= Float(row + 1) }
                    return loss
                }
            },
            reference: {
                let z = Reference.linear($0[0], weight: $0[1], input: 5)
                return [z.enumerated().reduce(0) { $0 + Double($1.offset / 7 + 1) * $1.element * $1.element / 2 }]
            })
    }

    @Test("Sum, activations, tanh", arguments: [[1, 1], [3, 5], [4, 17]])
    func elementwise(shape: [Int]) {
        checkGradients(
            [tensor(shape, "x"), tensor(shape, "y")], operation: { $0.add($1[0], $1[1]) },
            reference: { Reference.add($0[0], $0[1]) })
        checkGradients([tensor(shape, "x")], operation: { $0.gelu($1[0]) }, reference: { $0[0].map(Reference.gelu) })
        for (activation, formula) in [(Activation.geluTanh, Reference.geluTanh), (.relu, Reference.relu)] {
            checkGradients(
                [tensor(shape, "x")], operation: { $0.activation(activation, $1[0]) },
                reference: { $0[0].map(formula) })
        }
        checkGradients([tensor(shape, "x")], operation: { $0.tanh($1[0]) }, reference: { $0[0].map(Reference.tanh) })
    }

    @Test("Rows divided by their norms; a row of zeros stays, and passes its gradient on undivided by it")
    func normalize() {
        for width in [1, 5] {
            checkGradients(
                [tensor([3, width], "x")], operation: { $0.normalize($1[0]) },
                reference: { Reference.normalize($0[0], width: width) })
        }
        let (tape, buffer) = (Tape(), GradientBuffer(shape: [1, 2]))
        let y = tape.normalize(tape.leaf(Tensor(zeros: [1, 2]), gradient: buffer))
        #expect(y.value.values == [0, 0])
        tape.backward(from: y, seed: Tensor([1e-12, -2e-12], shape: [1, 2]))
        #expect(buffer.value.values == [1, -2])
    }

    @Test("A value that is used twice gets the sum of both gradients")
    func sharedOperand() {
        checkGradients(
            [tensor([3, 5], "x")], operation: { $0.add($0.gelu($1[0]), $1[0]) },
            reference: { $0[0].map { Reference.gelu($0) + $0 } })
        checkGradients(
            [tensor([3, 5], "x")], operation: { $0.add($1[0], $1[0]) }, reference: { $0[0].map { 2 * $0 } })
    }

    @Test("Weighted sum of scalars")
    func weightedSum() {
        checkGradients(
            [tensor([1], "x"), tensor([1], "y")],
            operation: { $0.weightedSum([(weight: 0.25, value: $1[0]), (weight: -3, value: $1[1])]) },
            reference: { [Reference.weightedSum([(weight: 0.25, value: $0[0][0]), (weight: -3, value: $0[1][0])])] })
    }

    @Test("Layer norm", arguments: [(1, 2), (3, 5), (4, 17), (150, 4)])
    func layerNorm(rows: Int, width: Int) {
        checkGradients(
            [tensor([rows, width], "x"), tensor([width], "gamma"), tensor([width], "beta")], tolerance: 2e-5,
            operation: { $0.layerNorm($1[0], gamma: $1[1], beta: $1[2], epsilon: 0.01) },
            reference: { Reference.layerNorm($0[0], gamma: $0[1], beta: $0[2], epsilon: Double(Float(0.01))).y })
    }

    @Test(
        "Sum with a residual and layer norm, with and without dropout", arguments: [(1, 2), (3, 5), (4, 17), (150, 4)])
    func addNorm(rows: Int, width: Int) {
        let operands = [
            tensor([rows, width], "x"), tensor([rows, width], "residual"), tensor([width], "gamma"),
            tensor([width], "beta"),
        ]
        let keys = DropoutKeys(rows: (0..<rows).map { RandomKey(8).mixed($0).value })
        for (dropout, keys) in [(Float(0.4), keys), (0, keys), (0.4, nil)] {
            checkGradients(
                operands, tolerance: 2e-5,
                operation: {
                    $0.addNorm(
                        $1[0], residual: $1[1], gamma: $1[2], beta: $1[3], epsilon: 0.01, dropout: dropout, keys: keys,
                        salt: 9)
                },
                reference: {
                    Reference.addNorm(
                        $0[0], residual: $0[1], gamma: $0[2], beta: $0[3], epsilon: Double(Float(0.01)),
                        dropout: dropout, keys: keys, salt: 9)
                })
        }
    }

    @Test("Embedding, with ids that occur several times and ids that do not occur")
    func embedding() {
        let ids: [Int32] = [2, 0, 2, 2, 4]
        checkGradients(
            [tensor([5, 3], "table")], operation: { $0.embedding($1[0], ids: ids) },
            reference: { Reference.embedding($0[0], ids: ids, width: 3) })
        checkGradients(
            [tensor([5, 3], "table")], operation: { $0.embedding($0.gelu($1[0]), ids: ids) },
            reference: { Reference.embedding($0[0].map(Reference.gelu), ids: ids, width: 3) })
    }

    @Test("A table that is also a weight, whichever of its gradients comes first")
    func tiedTable() {
        let ids: [Int32] = [2, 0, 2]
        checkGradients(
            [tensor([5, 3], "table")],
            operation: { $0.linear($0.embedding($1[0], ids: ids), weight: $1[0], bias: nil) },
            reference: { Reference.linear(Reference.embedding($0[0], ids: ids, width: 3), weight: $0[0], input: 3) })
        checkGradients(
            [tensor([3, 3], "x"), tensor([3, 3], "table")],
            operation: {
                let product = $0.linear($1[0], weight: $1[1], bias: nil)
                return $0.add($0.embedding($1[1], ids: ids), $0.add($0.embedding($1[1], ids: [1, 1, 0]), product))
            },
            reference: {
                let rows = Reference.add(
                    Reference.embedding($0[1], ids: ids, width: 3),
                    Reference.embedding($0[1], ids: [1, 1, 0], width: 3))
                return Reference.add(rows, Reference.linear($0[0], weight: $0[1], input: 3))
            })
    }

    @Test("Dropout: the mask of backward is that of forward")
    func dropout() {
        let keys = DropoutKeys(rows: [3, 1, 4, 1])
        checkGradients(
            [tensor([4, 9], "x")], operation: { $0.dropout($1[0], probability: 0.4, keys: keys, salt: 7) },
            reference: { x in
                let factors = Reference.dropoutFactors(keys: keys.rows, salt: 7, width: 9, probability: 0.4)
                return zip(x[0], factors).map { $0 * $1 }
            })
    }

    @Test("First and mean position of sequences")
    func pooling() {
        let offsets = SequenceOffsets(lengths: [1, 4, 2])
        checkGradients(
            [tensor([7, 3], "x")], operation: { $0.firstPosition($1[0], offsets) },
            reference: { Reference.firstPosition($0[0], offsets) })
        checkGradients(
            [tensor([7, 3], "x")], operation: { $0.meanPosition($1[0], offsets) },
            reference: { Reference.meanPosition($0[0], offsets) })
        checkGradients(
            [tensor([7, 3], "x")], operation: { $0.maxPosition($1[0], offsets) },
            reference: { Reference.maxPosition($0[0], offsets) })
    }

    @Test(
        "Attention, causal or not, with and without dropout",
        arguments: [(heads: 1, size: 3, lengths: [1]), (2, 4, [1, 5, 2]), (3, 5, [7, 1, 3])], [false, true])
    func attention(layout: (heads: Int, size: Int, lengths: [Int]), causal: Bool) {
        checkAttention(heads: layout.heads, size: layout.size, lengths: layout.lengths, causal: causal)
    }

    /// Scores are made for 64 rows at a time.
    @Test(
        "Attention over several blocks of rows",
        arguments: [(heads: 2, size: 2, lengths: [70]), (1, 2, [130])], [false, true])
    func longAttention(layout: (heads: Int, size: Int, lengths: [Int]), causal: Bool) {
        checkAttention(heads: layout.heads, size: layout.size, lengths: layout.lengths, causal: causal)
    }

    private func checkAttention(heads: Int, size: Int, lengths: [Int], causal: Bool) {
        let offsets = SequenceOffsets(lengths: lengths)
        let shape = [offsets.rows, heads * size]
        let operands = ["q", "k", "v"].map { tensor(shape, $0) }
        let keys = DropoutKeys(rows: (0..<offsets.rows).map { UInt64($0) })
        for probability in [Float(0), 0.3] {
            checkGradients(
                operands, tolerance: 2e-5,
                operation: {
                    $0.attention(
                        q: $1[0], k: $1[1], v: $1[2], heads: heads, offsets: offsets, causal: causal,
                        dropout: probability, keys: keys, salt: 5)
                },
                reference: {
                    Reference.attention(
                        q: $0[0], k: $0[1], v: $0[2], heads: heads, offsets: offsets, causal: causal,
                        dropout: probability, keys: keys, salt: 5)
                })
        }
    }
}
