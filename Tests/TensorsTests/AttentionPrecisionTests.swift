import Tensors
import Testing

/// Each product of attention rounds its operands to 8 bits of mantissa: relative errors of at most 2⁻⁹, 2⁻¹⁰ or so in the mean
/// square, some of them one after the other. The tolerance of 2⁻⁶ stands for six such steps of full size; a wrong place gives
/// an error of the size of the result.
@Suite("Attention in bfloat16")
struct AttentionPrecisionTests {
    struct Shape: CustomTestStringConvertible, Sendable {
        let heads: Int
        let keyHeads: Int
        let size: Int
        let lengths: [Int]
        var testDescription: String { "\(heads) heads of \(size) on \(keyHeads), \(lengths)" }
    }

    static let shapes = [
        Shape(heads: 1, keyHeads: 1, size: 1, lengths: [1]),
        Shape(heads: 2, keyHeads: 2, size: 20, lengths: [17, 1, 33]),
        Shape(heads: 3, keyHeads: 3, size: 32, lengths: [64, 65]),
        Shape(heads: 2, keyHeads: 2, size: 64, lengths: [128, 31]),
        Shape(heads: 4, keyHeads: 2, size: 48, lengths: [200, 3]),
    ]

    @Test(
        "is that in float32, forward and backward, within 2⁻⁶ of each result's length",
        arguments: shapes, [false, true])
    func agreement(shape: Shape, causal: Bool) {
        let offsets = SequenceOffsets(lengths: shape.lengths)
        let (width, keyWidth) = (shape.heads * shape.size, shape.keyHeads * shape.size)
        let keys = DropoutKeys(rows: (0..<offsets.rows).map { RandomKey(4).mixed($0).value })
        let operands = [
            tensor([offsets.rows, width], "q"), tensor([offsets.rows, keyWidth], "k"),
            tensor([offsets.rows, keyWidth], "v"),
        ]
        for dropout in [Float(0), 0.2] {
            func results(_ precision: Precision) -> [[Float]] {
                let tape = Tape(precision: precision)
                let buffers = operands.map { GradientBuffer(shape: $0.shape) }
                let variables = zip(operands, buffers).map { tape.leaf($0, gradient: $1) }
                let y = tape.attention(
                    q: variables[0], k: variables[1], v: variables[2], heads: shape.heads, keyHeads: shape.keyHeads,
                    offsets: offsets, causal: causal, dropout: dropout, keys: keys, salt: 5)
                tape.backward(from: y, seed: tensor(y.shape, "gradient"))
                return [y.value.values] + buffers.map(\.value.values)
            }
            for (name, pair) in zip(["y", "dq", "dk", "dv"], zip(results(.bfloat16), results(.float32))) {
                let (found, expected) = (pair.0.doubles, pair.1.doubles)
                let length = expected.reduce(0) { $0 + $1 * $1 }.squareRoot()
                let distance = zip(found, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
                // One position alone has gradients of nothing but rounding.
                #expect(distance <= 0x1p-6 * max(length, 1e-3), "\(name), dropout \(dropout)")
            }
            #expect(results(.bfloat16) == results(.bfloat16), "a second run")
            #expect(shape.size == 1 || results(.bfloat16) != results(.float32), "nothing was rounded")
        }
    }
}
