import CKernels
import Foundation
import Tensors
import Testing

/// What decoders add to the operations of encoders: root-mean-square norms, rotary positions, gated feed-forward blocks,
/// and key heads that query heads share.
@Suite("Operations of decoders")
struct DecoderOperationTests {
    @Test("Root-mean-square norm", arguments: [(rows: 3, width: 5), (1, 33), (130, 4)])
    func rmsNorm(shape: (rows: Int, width: Int)) {
        checkGradients(
            [tensor([shape.rows, shape.width], "x"), tensor([shape.width], "gamma")],
            operation: { $0.rmsNorm($1[0], gamma: $1[1], epsilon: 0.01) },
            reference: { Reference.rmsNorm($0[0], gamma: $0[1], epsilon: Double(Float(0.01))).y })
    }

    @Test("Rotary positions, one head and several", arguments: [1, 3])
    func rotary(heads: Int) {
        let frequencies = [1, 0.5, 0.01]
        let positions: [Int32] = [0, 1, 2, 0, 11]
        let table = RotaryTable(positions: 12, frequencies: frequencies)
        checkGradients(
            [tensor([5, heads * 6], "x")], operation: { $0.rotary($1[0], positions: positions, table: table) },
            reference: { Reference.rotary($0[0], positions: positions, frequencies: frequencies) })
    }

    @Test("A magnitude multiplies what is turned, and its gradient")
    func rotaryMagnitude() {
        let table = RotaryTable(positions: 4, frequencies: [0.3, 0.1], magnitude: 1.5)
        checkGradients(
            [tensor([2, 4], "x")], operation: { $0.rotary($1[0], positions: [3, 1], table: table) },
            reference: {
                Reference.rotary($0[0], positions: [3, 1], frequencies: [0.3, 0.1]).map { 1.5 * $0 }
            })
    }

    /// Half a unit in the last place of an angle near 30,000 turns by 0.001.
    @Test("The angle of a far position is rounded to single precision, as published implementations round it")
    func farPosition() {
        let (position, frequency) = (50_001, Float(0.6))
        let table = RotaryTable(positions: position + 1, frequencies: [Double(frequency)])
        var x = Tensor([1, 0], shape: [1, 2])
        x.rotate(positions: [Int32(position)], table: table)
        let angle = Double(Float(position) * frequency)
        #expect(x.values == [Float(cos(angle)), Float(sin(angle))])
        #expect(abs(cos(angle) - cos(Double(position) * Double(frequency))) > 1e-4)
    }

    @Test("Gated unit")
    func swiGLU() {
        checkGradients(
            [tensor([4, 9], "gate"), tensor([4, 9], "up")], operation: { $0.swiGLU(gate: $1[0], up: $1[1]) },
            reference: { zip($0[0], $0[1]).map { Reference.silu($0) * $1 } })
    }

    @Test(
        "Attention whose query heads share key heads, causal or not, with and without dropout",
        arguments: [(heads: 4, keyHeads: 2), (6, 2), (3, 1)], [false, true])
    func groupedAttention(heads: (heads: Int, keyHeads: Int), causal: Bool) {
        let offsets = SequenceOffsets(lengths: [5, 1, 3])
        let operands = [
            tensor([9, heads.heads * 4], "q"), tensor([9, heads.keyHeads * 4], "k"),
            tensor([9, heads.keyHeads * 4], "v"),
        ]
        check(operands, heads.heads, heads.keyHeads, offsets, causal)
    }

    /// Scores are made for 64 rows at a time.
    @Test("Shared key heads over several blocks of rows", arguments: [false, true])
    func longGroupedAttention(causal: Bool) {
        let operands = [tensor([70, 4], "q"), tensor([70, 2], "k"), tensor([70, 2], "v")]
        check(operands, 2, 1, SequenceOffsets(lengths: [70]), causal)
    }

    private func check(
        _ operands: [Tensor], _ heads: Int, _ keyHeads: Int, _ offsets: SequenceOffsets, _ causal: Bool
    ) {
        let keys = DropoutKeys(rows: (0..<offsets.rows).map { UInt64($0) })
        for probability in [Float(0), 0.3] {
            checkGradients(
                operands, tolerance: 2e-5,
                operation: {
                    $0.attention(
                        q: $1[0], k: $1[1], v: $1[2], heads: heads, keyHeads: keyHeads, offsets: offsets,
                        causal: causal, dropout: probability, keys: keys, salt: 5)
                },
                reference: {
                    Reference.attention(
                        q: $0[0], k: $0[1], v: $0[2], heads: heads, keyHeads: keyHeads, offsets: offsets,
                        causal: causal, dropout: probability, keys: keys, salt: 5)
                })
        }
    }

    @Test("Norm kernel, within 4e-6 of max(1, |y|)", arguments: KernelLevel.all)
    func rmsNormKernel(level: KernelLevel) {
        for (rows, width) in kernelShapes {
            for misaligned in [false, true] {
                let (values, scale) = (normals(rows * width, "x").map { $0 + 3 }, normals(width, "gamma"))
                let x = FencedBuffer(values, misaligned: misaligned)
                let gamma = FencedBuffer(scale, misaligned: misaligned)
                let y = FencedBuffer([Float](repeating: 9, count: rows * width), misaligned: misaligned)
                let reciprocal = FencedBuffer([Float](repeating: 9, count: rows), misaligned: misaligned)
                level.kernels.rms_norm(x.pointer, gamma.pointer, y.pointer, reciprocal.pointer, rows, width, 1e-3)
                let expected = Reference.rmsNorm(values.doubles, gamma: scale.doubles, epsilon: Double(Float(1e-3)))
                #expect(largestError(y.values, expected.y, scale: relative(1)) < 4e-6)
                #expect(largestError(reciprocal.values, expected.reciprocal, scale: relative(1)) < 2e-6)

                let incoming = normals(rows * width, "dy")
                let dy = FencedBuffer(incoming, misaligned: misaligned)
                let dx = FencedBuffer([Float](repeating: 9, count: rows * width), misaligned: misaligned)
                let dgamma = FencedBuffer([Float](repeating: 1, count: width), misaligned: misaligned)
                level.kernels.rms_norm_backward(
                    x.pointer, gamma.pointer, dy.pointer, reciprocal.pointer, dx.pointer, dgamma.pointer, rows, width)
                let backward = Reference.rmsNormBackward(
                    values.doubles, gamma: scale.doubles, dy: incoming.doubles, reciprocal: reciprocal.values.doubles)
                #expect(largestError(dx.values, backward.dx, scale: relative(1)) < 4e-6)
                #expect(largestError(dgamma.values, backward.dgamma.map { $0 + 1 }, scale: relative(1)) < 8e-6)
                #expect(y.isIntact && reciprocal.isIntact && dx.isIntact && dgamma.isIntact)
            }
        }
    }

    @Test("Gated unit's kernel, within 2e-6 of max(1, |y|)", arguments: KernelLevel.all)
    func swiGLUKernel(level: KernelLevel) {
        for n in kernelSizes {
            for misaligned in [false, true] {
                let (gates, ups, incoming) = (normals(n, "gate", deviation: 4), normals(n, "up"), normals(n, "dy"))
                let gate = FencedBuffer(gates, misaligned: misaligned)
                let up = FencedBuffer(ups, misaligned: misaligned)
                let dy = FencedBuffer(incoming, misaligned: misaligned)
                let outputs = (0..<3).map { _ in
                    FencedBuffer([Float](repeating: 9, count: n), misaligned: misaligned)
                }
                level.kernels.swiglu(gate.pointer, up.pointer, outputs[0].pointer, n)
                level.kernels.swiglu_backward(
                    gate.pointer, up.pointer, dy.pointer, outputs[1].pointer, outputs[2].pointer, n)
                let (g, u, d) = (gates.doubles, ups.doubles, incoming.doubles)
                let expected = [
                    (0..<n).map { Reference.silu(g[$0]) * u[$0] },
                    (0..<n).map { d[$0] * u[$0] * Reference.siluDerivative(g[$0]) },
                    (0..<n).map { d[$0] * Reference.silu(g[$0]) },
                ]
                for (found, expected) in zip(outputs, expected) {
                    #expect(largestError(found.values, expected, scale: relative(1)) < 2e-6)
                    #expect(found.isIntact)
                }
            }
        }
    }

    @Test("Turning kernel, in place and not, there and back", arguments: KernelLevel.all)
    func rotateKernel(level: KernelLevel) {
        for heads in [1, 2, 3] {
            for half in [1, 3, 8, 16, 17, 32, 33] {
                let values = normals(heads * 2 * half, "x")
                let angles = normals(half, "angles").doubles
                let cosines = FencedBuffer(angles.map { Float(cos($0)) }, misaligned: true)
                let sines = FencedBuffer(angles.map { Float(sin($0)) }, misaligned: true)
                let x = FencedBuffer(values, misaligned: true)
                let y = FencedBuffer([Float](repeating: 9, count: values.count))
                level.kernels.rotate(x.pointer, y.pointer, cosines.pointer, sines.pointer, heads, half, 1)
                let expected = Reference.rotary(values.doubles, positions: [1], frequencies: angles)
                #expect(largestError(y.values, expected, scale: relative(1)) < 5e-7)
                level.kernels.rotate(y.pointer, y.pointer, cosines.pointer, sines.pointer, heads, half, -1)
                #expect(largestError(y.values, values.doubles, scale: relative(1)) < 1e-6)
                #expect(y.isIntact)
            }
        }
    }

    @Test("Gated unit: the limits at ±∞ hold, NaN stays", arguments: KernelLevel.all)
    func swiGLULimits(level: KernelLevel) {
        func run(_ gate: Float, _ up: Float) -> (y: Float, dgate: Float, dup: Float) {
            let n = 37
            let spread = FencedBuffer((0..<n).map { $0 % 3 == 1 ? gate : 0.5 })
            let (ups, ones) = (
                FencedBuffer([Float](repeating: up, count: n)), FencedBuffer([Float](repeating: 1, count: n))
            )
            let outputs = (0..<3).map { _ in FencedBuffer([Float](repeating: 9, count: n)) }
            level.kernels.swiglu(spread.pointer, ups.pointer, outputs[0].pointer, n)
            level.kernels.swiglu_backward(
                spread.pointer, ups.pointer, ones.pointer, outputs[1].pointer, outputs[2].pointer, n)
            return (outputs[0].values[1], outputs[1].values[1], outputs[2].values[1])
        }
        #expect(run(.nan, 1).y.isNaN && run(.nan, 1).dgate.isNaN && run(1, .nan).y.isNaN)
        for low in [-.infinity, -1e30, -200] as [Float] { #expect(run(low, 2) == (0, 0, 0), "\(low)") }
        #expect(run(.infinity, 2).y == .infinity && run(.infinity, 2).dgate == 2)
        #expect(run(1e30, 2) == (2e30, 2, 1e30))
        #expect(run(0, 3) == (0, 1.5, 0))
    }
}
