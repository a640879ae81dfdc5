import Tensors
import Testing

@Suite("Every operation's gradient equals central differences of its formula in Float64")
struct GradientTests {
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

    @Test("Sum, GELU, tanh", arguments: [[1, 1], [3, 5], [4, 17]])
    func elementwise(shape: [Int]) {
        checkGradients(
            [tensor(shape, "x"), tensor(shape, "y")], operation: { $0.add($1[0], $1[1]) },
            reference: { Reference.add($0[0], $0[1]) })
        checkGradients([tensor(shape, "x")], operation: { $0.gelu($1[0]) }, reference: { $0[0].map(Reference.gelu) })
        checkGradients([tensor(shape, "x")], operation: { $0.tanh($1[0]) }, reference: { $0[0].map(Reference.tanh) })
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

    @Test("Embedding, with ids that occur several times and ids that do not occur")
    func embedding() {
        let ids: [Int32] = [2, 0, 2, 2, 4]
        checkGradients(
            [tensor([5, 3], "table")], operation: { $0.embedding($1[0], ids: ids) },
            reference: { Reference.embedding($0[0], ids: ids, width: 3) })
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
    }

    @Test(
        "Attention, with and without dropout",
        arguments: [(heads: 1, size: 3, lengths: [1]), (2, 4, [1, 5, 2]), (3, 5, [7, 1, 3])])
    func attention(heads: Int, size: Int, lengths: [Int]) {
        let offsets = SequenceOffsets(lengths: lengths)
        let shape = [offsets.rows, heads * size]
        let operands = ["q", "k", "v"].map { tensor(shape, $0) }
        let keys = DropoutKeys(rows: (0..<offsets.rows).map { UInt64($0) })
        for probability in [Float(0), 0.3] {
            checkGradients(
                operands, tolerance: 2e-5,
                operation: {
                    $0.attention(
                        q: $1[0], k: $1[1], v: $1[2], heads: heads, offsets: offsets, dropout: probability, keys: keys,
                        salt: 5)
                },
                reference: {
                    Reference.attention(
                        q: $0[0], k: $0[1], v: $0[2], heads: heads, offsets: offsets, dropout: probability, keys: keys,
                        salt: 5)
                })
        }
    }
}
