import CKernels
import Foundation
import Tensors
import Testing

@Suite("Row kernels agree with their formulas")
struct RowKernelTests {
    @Test("Layer norm, within 4e-6 of max(1, |y|)", arguments: KernelLevel.all)
    func layerNorm(level: KernelLevel) {
        for (rows, width) in kernelShapes {
            for misaligned in [false, true] {
                let values = normals(rows * width, "x").map { $0 + 3 }
                let (scale, shift) = (normals(width, "gamma"), normals(width, "beta"))
                let x = FencedBuffer(values, misaligned: misaligned)
                let gamma = FencedBuffer(scale, misaligned: misaligned)
                let beta = FencedBuffer(shift, misaligned: misaligned)
                let y = FencedBuffer([Float](repeating: 9, count: rows * width), misaligned: misaligned)
                let mean = FencedBuffer([Float](repeating: 9, count: rows), misaligned: misaligned)
                let rstd = FencedBuffer([Float](repeating: 9, count: rows), misaligned: misaligned)
                let epsilon: Float = 1e-3
                level.kernels.layer_norm(
                    x.pointer, gamma.pointer, beta.pointer, y.pointer, mean.pointer, rstd.pointer, rows, width, epsilon)
                let expected = Reference.layerNorm(
                    values.doubles, gamma: scale.doubles, beta: shift.doubles, epsilon: Double(epsilon))
                #expect(largestError(y.values, expected.y, scale: relative(1)) < 4e-6)
                #expect(largestError(mean.values, expected.mean, scale: relative(1)) < 1e-6)
                #expect(largestError(rstd.values, expected.rstd, scale: relative(1)) < 2e-6)
                #expect(y.isIntact && mean.isIntact && rstd.isIntact)

                // Backward takes the mean and the deviation as they are, so the reference gets the same ones.
                let incoming = normals(rows * width, "dy")
                let dy = FencedBuffer(incoming, misaligned: misaligned)
                let dx = FencedBuffer([Float](repeating: 9, count: rows * width), misaligned: misaligned)
                let dgamma = FencedBuffer([Float](repeating: 1, count: width), misaligned: misaligned)
                let dbeta = FencedBuffer([Float](repeating: 2, count: width), misaligned: misaligned)
                level.kernels.layer_norm_backward(
                    x.pointer, gamma.pointer, dy.pointer, mean.pointer, rstd.pointer, dx.pointer, dgamma.pointer,
                    dbeta.pointer, rows, width)
                let backward = Reference.layerNormBackward(
                    values.doubles, gamma: scale.doubles, dy: incoming.doubles, mean: mean.values.doubles,
                    rstd: rstd.values.doubles)
                let largestRstd = expected.rstd.max() ?? 1
                #expect(largestError(dx.values, backward.dx, scale: relative(largestRstd)) < 4e-6)
                #expect(largestError(dgamma.values, backward.dgamma.map { $0 + 1 }, scale: relative(1)) < 4e-6)
                #expect(largestError(dbeta.values, backward.dbeta.map { $0 + 2 }, scale: relative(1)) < 1e-6)
                #expect(dx.isIntact && dgamma.isIntact && dbeta.isIntact)
            }
        }
    }

    @Test("Softmax, each probability within 4e-6 of itself", arguments: KernelLevel.all)
    func softmax(level: KernelLevel) {
        for (rows, width) in kernelShapes {
            for misaligned in [false, true] {
                let values = normals(rows * width, "scores", deviation: 8)
                let x = FencedBuffer(values, misaligned: misaligned)
                level.kernels.softmax(x.pointer, rows, width, 0.25)
                let p = Reference.softmax(values.doubles, width: width, scale: 0.25)
                #expect(largestError(x.values, p, scale: relative(1e-12)) < 4e-6)
                #expect(x.isIntact)
            }
        }
    }

    @Test("Exponentials and their sums, within 4e-6 of themselves", arguments: KernelLevel.all)
    func exponentials(level: KernelLevel) {
        for n in kernelSizes where n > 0 {
            for misaligned in [false, true] {
                let values = normals(n, "scores", deviation: 8)
                let x = FencedBuffer(values, misaligned: misaligned)
                var (maximum, sum, squares) = (Float(9), Float(9), Float(9))
                level.kernels.exponentials(x.pointer, n, 0.25, &maximum, &sum, &squares)
                let e = values.map { exp(0.25 * Double($0 - values.max()!)) }
                #expect(maximum == values.max())
                #expect(largestError(x.values, e, scale: relative(1e-12)) < 4e-6)
                #expect(largestError([sum], [e.reduce(0, +)], scale: relative(1)) < 4e-6)
                #expect(largestError([squares], [Reference.sumOfSquares(e)], scale: relative(1)) < 8e-6)
                #expect(x.isIntact)
            }
        }
    }

    @Test("The gradient of softmax, with and without dropout behind it", arguments: KernelLevel.all)
    func softmaxBackward(level: KernelLevel) {
        for (rows, width) in kernelShapes {
            for misaligned in [false, true] {
                let scores = normals(rows * width, "scores", deviation: 8).doubles
                let p = FencedBuffer(
                    Reference.softmax(scores, width: width, scale: 0.25).map { Float($0) }, misaligned: misaligned)
                // At one half what is kept is doubled, which is exact.
                let keys = (0..<rows).map { RandomKey(6).mixed($0).value }
                let factors = Reference.dropoutFactors(keys: keys, salt: 3, width: width, probability: 0.5)
                let dropped = FencedBuffer(zip(p.values, factors).map { $0 * Float($1) }, misaligned: misaligned)
                let incoming = normals(rows * width, "du")
                for (used, factors) in [(p, [Double]?.none), (dropped, factors)] {
                    let du = FencedBuffer(incoming, misaligned: misaligned)
                    level.kernels.softmax_backward(p.pointer, used.pointer, du.pointer, rows, width, 0.25)
                    let expected = Reference.softmaxBackward(
                        p.values.doubles, factors: factors, du: incoming.doubles, width: width, scale: 0.25)
                    #expect(largestError(du.values, expected, scale: relative(0.01)) < 1e-5)
                    #expect(p.isIntact && used.isIntact && du.isIntact)
                }
            }
        }
    }

    @Test("A row without columns is left alone", arguments: KernelLevel.all)
    func emptyRows(level: KernelLevel) {
        let nothing = FencedBuffer([Float]())
        level.kernels.softmax(nothing.pointer, 2, 0, 1)
        level.kernels.softmax_backward(nothing.pointer, nothing.pointer, nothing.pointer, 2, 0, 1)
        #expect(nothing.isIntact)
    }

    @Test("Dropout keeps exactly the elements that the hash keeps, in place as well", arguments: KernelLevel.all)
    func dropout(level: KernelLevel) {
        let (probability, salt): (Float, UInt64) = (0.3, 77)
        for (rows, width) in kernelShapes {
            let values = normals(rows * width, "x")
            let keys = (0..<rows).map { RandomKey(5).mixed($0).value }
            let factors = Reference.dropoutFactors(keys: keys, salt: salt, width: width, probability: probability)
            let expected = zip(values.doubles, factors).map { $0 * $1 }
            let threshold = UInt32(Double(probability) * 0x1p32)
            let x = FencedBuffer(values, misaligned: true)
            let y = FencedBuffer([Float](repeating: 9, count: rows * width))
            let fencedKeys = FencedBuffer(keys)
            for destination in [y, x] {
                level.kernels.dropout(
                    x.pointer, destination.pointer, fencedKeys.pointer, salt, rows, width, threshold,
                    1 / (1 - probability))
                #expect(largestError(destination.values, expected, scale: relative(1e-30)) < 2e-7)
                #expect(destination.isIntact)
            }
        }
    }
}
