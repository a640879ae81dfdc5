import CKernels
import Tensors
import Testing

/// Float32 rounds at 6e-8; the polynomials of `kernels.inc` state absolute errors of 3e-7 (erf) and relative ones of
/// 2e-7 (exp). The tolerances are small multiples of those.
@Suite("Elementwise kernels agree with their formulas")
struct ElementwiseKernelTests {
    @Test("GELU and its derivative, within 1e-6 of max(1, |x|)", arguments: KernelLevel.all)
    func gelu(level: KernelLevel) {
        let (values, one) = (normals(100, "x", deviation: 3), FencedBuffer([Float](repeating: 0, count: 1)))
        let whole = FencedBuffer(values)
        level.kernels.gelu(whole.pointer, whole.pointer, 100)
        let apart = values.map { value in
            one.pointer[0] = value
            level.kernels.gelu(one.pointer, one.pointer, 1)
            return one.pointer[0]
        }
        #expect(apart == whole.values, "an element depends on its place")
        check(level.kernels.gelu, level.kernels.gelu_backward, Reference.gelu, Reference.geluDerivative, 1e-6)
    }

    /// Around x = 5 the derivative multiplies 1 − (1 + tanh(u))/2, rounded to 2⁻²⁵, by up to 36: 1.1e-6.
    @Test("GELU with tanh within 1e-6 of max(1, |x|), its derivative within 2e-6", arguments: KernelLevel.all)
    func geluTanh(level: KernelLevel) {
        check(
            level.kernels.gelu_tanh, level.kernels.gelu_tanh_backward, Reference.geluTanh,
            Reference.geluTanhDerivative, 2e-6)
    }

    @Test("ReLU and its derivative, exactly", arguments: KernelLevel.all)
    func relu(level: KernelLevel) {
        check(level.kernels.relu, level.kernels.relu_backward, Reference.relu, Reference.reluDerivative, 1e-9)
    }

    private func check(
        _ forward: (UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int) -> Void,
        _ backward: (UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int) -> Void,
        _ formula: (Double) -> Double, _ derivative: (Double) -> Double, _ backwardTolerance: Double
    ) {
        for n in kernelSizes {
            for misaligned in [false, true] {
                let values = normals(n, "x", deviation: 3)
                let x = FencedBuffer(values, misaligned: misaligned)
                let y = FencedBuffer([Float](repeating: 9, count: n), misaligned: misaligned)
                forward(x.pointer, y.pointer, n)
                #expect(largestError(y.values, values.doubles.map(formula), scale: relative(1)) < 1e-6)

                let incoming = normals(n, "dy")
                let dy = FencedBuffer(incoming, misaligned: misaligned)
                let dx = FencedBuffer([Float](repeating: 9, count: n), misaligned: misaligned)
                backward(x.pointer, dy.pointer, dx.pointer, n)
                let expected = zip(values.doubles, incoming.doubles).map { derivative($0) * $1 }
                #expect(largestError(dx.values, expected, scale: relative(1)) < backwardTolerance)
                #expect(y.isIntact && dx.isIntact)
            }
        }
        // The whole curve, where the tails begin and where they end.
        let grid = (-2500...2500).map { Float($0) / 100 }
        let (x, ones) = (FencedBuffer(grid), FencedBuffer([Float](repeating: 1, count: grid.count)))
        let y = FencedBuffer([Float](repeating: 9, count: grid.count))
        forward(x.pointer, y.pointer, grid.count)
        #expect(largestError(y.values, grid.doubles.map(formula), scale: relative(1)) < 1e-6)
        backward(x.pointer, ones.pointer, y.pointer, grid.count)
        #expect(largestError(y.values, grid.doubles.map(derivative), scale: relative(1)) < backwardTolerance)
    }

    @Test("Sums, differences and multiples, within two roundings", arguments: KernelLevel.all)
    func sums(level: KernelLevel) {
        for n in kernelSizes {
            for misaligned in [false, true] {
                let (a, b) = (normals(n, "a"), normals(n, "b"))
                let x = FencedBuffer(a, misaligned: misaligned)
                let y = FencedBuffer(b, misaligned: misaligned)
                let z = FencedBuffer([Float](repeating: 9, count: n), misaligned: misaligned)
                level.kernels.add(x.pointer, y.pointer, z.pointer, n)
                #expect(largestError(z.values, Reference.add(a.doubles, b.doubles), scale: relative(1)) < 1.3e-7)
                level.kernels.subtract(x.pointer, y.pointer, z.pointer, n)
                #expect(largestError(z.values, Reference.subtract(a.doubles, b.doubles), scale: relative(1)) < 1.3e-7)
                level.kernels.scale(x.pointer, 0.3, z.pointer, n)
                #expect(
                    largestError(z.values, Reference.scale(a.doubles, by: Double(Float(0.3))), scale: relative(1e-30))
                        < 6e-8)
                level.kernels.add_scaled(x.pointer, 0.3, y.pointer, n)
                let expected = Reference.addScaled(a.doubles, by: Double(Float(0.3)), to: b.doubles)
                #expect(largestError(y.values, expected, scale: relative(1)) < 1.3e-7)
                let quadratic = FencedBuffer(a, misaligned: misaligned)
                level.kernels.quadratic(quadratic.pointer, n, 0.5, -2)
                let squares = Reference.quadratic(a.doubles, 0.5, -2)
                #expect(largestError(quadratic.values, squares, scale: relative(1)) < 2.5e-7)
                #expect(y.isIntact && z.isIntact && quadratic.isIntact)
                let exact = Reference.sumOfSquares(a.doubles)
                #expect(abs(level.kernels.sum_squares(x.pointer, n) - exact) <= 1e-13 * exact)
            }
        }
    }

    @Test("Rows, each multiplied by its own factor", arguments: KernelLevel.all)
    func scaleRows(level: KernelLevel) {
        for (rows, width, gap) in [(1, 1, 0), (3, 17, 0), (4, 32, 5), (5, 63, 1), (0, 4, 2)] {
            let values = normals(max(rows * (width + gap) - gap, 0), "x")
            let factors = FencedBuffer(normals(rows, "factors"))
            let x = FencedBuffer(values, misaligned: true)
            level.kernels.scale_rows(x.pointer, width + gap, factors.pointer, rows, width)
            let expected = values.enumerated().map { index, value in
                index % (width + gap) < width ? value * factors.values[index / (width + gap)] : value
            }
            #expect(x.values == expected && x.isIntact && factors.isIntact)
        }
    }

    @Test("Columns are summed onto what was there", arguments: KernelLevel.all)
    func columnSums(level: KernelLevel) {
        for (rows, width) in kernelShapes {
            let (matrix, start) = (normals(rows * width, "matrix"), normals(width, "start"))
            let x = FencedBuffer(matrix, misaligned: true)
            let sums = FencedBuffer(start)
            level.kernels.add_column_sums(x.pointer, sums.pointer, rows, width)
            #expect(
                largestError(
                    sums.values, Reference.addColumnSums(matrix.doubles, to: start.doubles), scale: relative(1)) < 5e-7)
            #expect(sums.isIntact)
        }
    }

    @Test("Ten steps of AdamW, within 2e-6", arguments: KernelLevel.all)
    func adamW(level: KernelLevel) {
        for n in kernelSizes {
            for misaligned in [false, true] {
                let start = normals(n, "weights")
                let weights = FencedBuffer(start, misaligned: misaligned)
                let first = FencedBuffer([Float](repeating: 0, count: n), misaligned: misaligned)
                let second = FencedBuffer([Float](repeating: 0, count: n), misaligned: misaligned)
                var states = start.map { Reference.AdamWState(weight: Double($0)) }
                for step in 1...10 {
                    let values = normals(n, "gradient \(step)")
                    let gradient = FencedBuffer(values, misaligned: misaligned)
                    let powers = (1 - pow(0.9, step), 1 - pow(0.999, step))
                    level.kernels.adamw(
                        weights.pointer, gradient.pointer, first.pointer, second.pointer, n, 0.5, 0.01, 0.9, 0.999,
                        1e-8, 0.1, Float(1 / powers.0), Float(1 / powers.1))
                    for i in 0..<n {
                        states[i] = Reference.adamW(
                            states[i], gradient: Double(values[i]) * 0.5, step: step, learningRate: 0.01,
                            weightDecay: 0.1)
                    }
                }
                #expect(largestError(weights.values, states.map(\.weight), scale: relative(1)) < 2e-6)
                #expect(largestError(first.values, states.map(\.first), scale: relative(0.1)) < 2e-6)
                #expect(largestError(second.values, states.map(\.second), scale: relative(1e-4)) < 3e-5)
                #expect(weights.isIntact && first.isIntact && second.isIntact)
            }
        }
    }

    @Test("A running average approaches a value by a share, within two roundings", arguments: KernelLevel.all)
    func approach(level: KernelLevel) {
        for n in kernelSizes {
            for misaligned in [false, true] {
                let (start, values) = (normals(n, "average"), normals(n, "value"))
                let average = FencedBuffer(start, misaligned: misaligned)
                let x = FencedBuffer(values, misaligned: misaligned)
                level.kernels.approach(average.pointer, x.pointer, n, 0.3)
                let expected = zip(start, values).map {
                    Reference.approach(Double($0), Double($1), share: Double(Float(0.3)))
                }
                #expect(largestError(average.values, expected, scale: relative(1)) < 2.5e-7)
                #expect(average.isIntact && x.values == values)
            }
        }
    }

    private func pow(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent).reduce(1) { product, _ in product * base }
    }
}
