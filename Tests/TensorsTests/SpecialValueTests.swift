import CKernels
import Tensors
import Testing

/// What `CKernels.h` promises about NaN, infinities, denormals and signed zeros.
@Suite("Special values", .serialized)
struct SpecialValueTests {
    /// Enough copies that vector bodies and remainders both meet each value.
    private func spread(_ value: Float) -> [Float] {
        (0..<37).map { $0 % 3 == 1 ? value : 0.5 }
    }

    private func apply(_ values: [Float], _ kernel: (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void)
        -> [Float]
    {
        let (x, y) = (FencedBuffer(values), FencedBuffer([Float](repeating: 9, count: values.count)))
        kernel(x.pointer, y.pointer, values.count)
        return y.values
    }

    @Test("GELU: NaN stays, the limits hold, small values halve", arguments: KernelLevel.all)
    func gelu(level: KernelLevel) {
        check(level.kernels.gelu, level.kernels.gelu_backward)
    }

    @Test("GELU with tanh: NaN stays, the limits hold, small values halve", arguments: KernelLevel.all)
    func geluTanh(level: KernelLevel) {
        check(level.kernels.gelu_tanh, level.kernels.gelu_tanh_backward)
    }

    @Test("ReLU: NaN stays, the limits hold, 0 has slope 0", arguments: KernelLevel.all)
    func relu(level: KernelLevel) {
        func value(_ x: Float) -> Float { apply(spread(x)) { level.kernels.relu($0, $1, $2) }[1] }
        func slope(_ x: Float) -> Float {
            let ones = FencedBuffer([Float](repeating: 1, count: 37))
            return apply(spread(x)) { level.kernels.relu_backward($0, ones.pointer, $1, $2) }[1]
        }
        #expect(value(.nan).isNaN && slope(.nan).isNaN)
        #expect(value(.infinity) == .infinity && value(0x1p-140) == 0x1p-140 && value(-0x1p-140) == 0)
        #expect(value(-.infinity) == 0 && value(-0.0) == 0 && value(0) == 0)
        #expect(slope(.infinity) == 1 && slope(0x1p-140) == 1 && slope(0) == 0 && slope(-0.0) == 0 && slope(-1) == 0)
    }

    private func check(
        _ forward: (UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int) -> Void,
        _ backward: (UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, Int) -> Void
    ) {
        func gelu(_ value: Float) -> Float { apply(spread(value)) { forward($0, $1, $2) }[1] }
        func slope(_ value: Float) -> Float {
            let ones = FencedBuffer([Float](repeating: 1, count: 37))
            return apply(spread(value)) { backward($0, ones.pointer, $1, $2) }[1]
        }
        #expect(gelu(.nan).isNaN && slope(.nan).isNaN)
        #expect(gelu(.infinity) == .infinity && gelu(1e30) == 1e30)
        for low in [-.infinity, -1e30, -1e15, -1000] as [Float] {
            #expect(gelu(low) == 0, "GELU(\(low))")
            #expect(abs(slope(low)) < 1e-6, "GELU'(\(low))")
        }
        #expect(abs(gelu(-6)) < 1e-6 && abs(slope(-6)) < 1e-6)
        for high in [.infinity, 1e30, 1e15, 1000] as [Float] {
            #expect(abs(slope(high) - 1) < 1e-6, "GELU'(\(high))")
        }
        #expect(gelu(0x1p-134) == 0x1p-135 && gelu(-0x1p-134) == -0x1p-135 && slope(0x1p-134) == 0.5)
        #expect(gelu(-0.0).sign == .minus && gelu(-0.0) == 0 && gelu(0).sign == .plus && slope(-0.0) == 0.5)
    }

    @Test("Softmax: −∞ is excluded; NaN, +∞ or nothing left make the row NaN, and no other", arguments: KernelLevel.all)
    func softmax(level: KernelLevel) {
        // Kernels may take four rows at a time, and one alone after them.
        let (width, rows) = (19, 5)
        func run(row: Int = 0, _ change: (inout [Float]) -> Void) -> (changed: [Float], others: [Float]) {
            let own = row * width..<(row + 1) * width
            var values = normals(rows * width, "scores")
            var changed = Array(values[own])
            change(&changed)
            values.replaceSubrange(own, with: changed)
            let x = FencedBuffer(values)
            level.kernels.softmax(x.pointer, rows, width, 0.5)
            var others = x.values
            others.removeSubrange(own)
            return (Array(x.values[own]), others)
        }
        for row in 0..<rows {
            let clean = run(row: row) { _ in }.others
            for place in [0, 1, 16, 18] {
                for poison in [Float.nan, .infinity] {
                    let result = run(row: row) { $0[place] = poison }
                    #expect(
                        result.changed.allSatisfy(\.isNaN) && result.others == clean, "\(poison) at \(row), \(place)")
                }
                let excluded = run(row: row) { $0[place] = -.infinity }.changed
                #expect(excluded[place] == 0 && abs(excluded.reduce(0, +) - 1) < 1e-6)
            }
        }
        func uniform(_ value: Float) -> [Float] { run { for i in 0..<width { $0[i] = value } }.changed }
        let nothingLeft = uniform(-.infinity).filter(\.isNaN)
        #expect(nothingLeft.count == width)
        // Far apart: exp underflows to 0 and nothing else happens.
        let apart = run {
            $0[3] = 3e38
            $0[4] = -3e38
        }
        let alone: [Float] = (0..<width).map { $0 == 3 ? 1 : 0 }
        #expect(apart.changed == alone)
        // Where an exponential would be a subnormal it is 0.
        let low = run { $0[7] = $0.max()! - 200 }.changed
        #expect(low[7] == 0)
        let even = uniform(0x1p-140).map { abs($0 - 1 / Float(width)) }
        #expect(even.max()! < 1e-7)
    }

    @Test(
        "Layer norm: NaN or ±∞ make their row NaN, and no other; a constant row gives beta", arguments: KernelLevel.all)
    func layerNorm(level: KernelLevel) {
        let width = 19
        func run(_ change: (inout [Float]) -> Void) -> (first: [Float], second: [Float]) {
            var values = normals(2 * width, "x")
            change(&values)
            let x = FencedBuffer(values)
            let (gamma, beta) = (
                FencedBuffer([Float](repeating: 1, count: width)), FencedBuffer(normals(width, "beta"))
            )
            let y = FencedBuffer([Float](repeating: 9, count: 2 * width))
            let (mean, rstd) = (FencedBuffer([Float(9), 9]), FencedBuffer([Float(9), 9]))
            level.kernels.layer_norm(
                x.pointer, gamma.pointer, beta.pointer, y.pointer, mean.pointer, rstd.pointer, 2, width, 1e-12)
            return (Array(y.values[..<width]), Array(y.values[width...]))
        }
        let clean = run { _ in }.second
        for poison in [Float.nan, .infinity, -.infinity] {
            for place in [0, 7, 18] {
                let result = run { $0[place] = poison }
                #expect(result.first.allSatisfy(\.isNaN) && result.second == clean, "\(poison) at \(place)")
            }
        }
        for value in [Float(2), 0x1p-140] {
            let constant = run { for i in 0..<width { $0[i] = value } }.first
            #expect(constant == normals(width, "beta"))
        }
    }

    @Test("Exponentials: −∞ becomes 0, NaN and +∞ show in the sums", arguments: KernelLevel.all)
    func exponentials(level: KernelLevel) {
        func run(_ place: Int, _ value: Float) -> (x: [Float], sum: Float, squares: Float) {
            var values = normals(37, "scores")
            values[place] = value
            let x = FencedBuffer(values)
            var (maximum, sum, squares) = (Float(9), Float(9), Float(9))
            level.kernels.exponentials(x.pointer, 37, 0.5, &maximum, &sum, &squares)
            return (x.values, sum, squares)
        }
        for place in [0, 1, 15, 16, 31, 32, 36] {
            let excluded = run(place, -.infinity)
            #expect(excluded.x[place] == 0 && excluded.sum.isFinite && excluded.squares.isFinite)
            for poison in [Float.nan, .infinity] {
                let result = run(place, poison)
                #expect(result.x[place].isNaN && result.sum.isNaN && result.squares.isNaN, "\(poison) at \(place)")
            }
        }
    }

    @Test("Sums, products and AdamW follow IEEE 754, denormals included", arguments: KernelLevel.all)
    func arithmetic(level: KernelLevel) {
        let kernels = level.kernels
        for value in [Float.nan, .infinity, -.infinity, 0x1p-140, -0.0, 0] {
            let inputs = spread(value)
            #expect(same(apply(inputs) { kernels.scale($0, 2, $1, $2) }, inputs.map { 2 * $0 }))
            #expect(same(apply(inputs) { kernels.add($0, $0, $1, $2) }, inputs.map { $0 + $0 }))
            #expect(same(apply(inputs) { kernels.subtract($0, $0, $1, $2) }, inputs.map { $0 - $0 }))
            #expect(same(apply(inputs) { kernels.add_scaled($0, 2, $1, $2) }, inputs.map { 9 + 2 * $0 }))
            let sum = FencedBuffer(inputs)
            let expected = Reference.sumOfSquares(inputs.doubles)
            let found = kernels.sum_squares(sum.pointer, inputs.count)
            #expect(found == expected || found.isNaN && expected.isNaN)
            let columns = apply(inputs) { kernels.add_column_sums($0, $1, 1, $2) }
            #expect(same(columns, inputs.map { 9 + $0 }))
        }
        let tiny = FencedBuffer([Float](repeating: 0x1p-140, count: 37))
        #expect(kernels.sum_squares(tiny.pointer, 37) > 0)
        for poison in [Float.nan, .infinity] {
            let weights = FencedBuffer([Float](repeating: 1, count: 37))
            let (m, v) = (
                FencedBuffer([Float](repeating: 0, count: 37)), FencedBuffer([Float](repeating: 0, count: 37))
            )
            let gradient = FencedBuffer(spread(poison))
            kernels.adamw(
                weights.pointer, gradient.pointer, m.pointer, v.pointer, 37, 1, 0.1, 0.9, 0.999, 1e-8, 0, 10, 1000)
            for (index, weight) in weights.values.enumerated() {
                #expect(weight.isNaN == (index % 3 == 1), "a gradient of \(poison) shows in its weight and no other")
            }
        }
    }

    @Test("Dropout: what is dropped is 0 whatever it was, what is kept stays as it is", arguments: KernelLevel.all)
    func dropout(level: KernelLevel) {
        let keys: [UInt64] = [3, 4]
        let factors = Reference.dropoutFactors(keys: keys, salt: 1, width: 37, probability: 0.5)
        for value in [Float.nan, .infinity, -.infinity] {
            let x = FencedBuffer([Float](repeating: value, count: 74))
            level.kernels.dropout(x.pointer, x.pointer, keys, 1, 2, 37, 1 << 31, 2)
            #expect(same(x.values, factors.map { $0 == 0 ? 0 : value }))
        }
    }

    @Test(
        "Quantization: NaN stays NaN or becomes byte 0 and passes no gradient; ±∞ is clipped",
        arguments: KernelLevel.all)
    func quantization(level: KernelLevel) {
        let kernels = level.kernels
        let values = [Float.nan, .infinity, -.infinity, 1e38, -1e38, 0x1p-140, -0.0] + spread(.nan)
        let ones = FencedBuffer([Float](repeating: 1, count: values.count))
        let y = apply(values) { kernels.fake_quantize($0, $1, $2, 0.1, 10, 0, 255) }
        #expect(
            largestError(
                y, values.map { Reference.fakeQuantize($0, scale: 0.1, zero: 10, low: 0, high: 255) },
                scale: relative(1e-37)) < 6e-8)
        #expect(y[0].isNaN)
        let dx = apply(values) { kernels.fake_quantize_backward($0, ones.pointer, $1, $2, 0.1, 10, 0, 255) }
        #expect(dx.prefix(7) == [0, 0, 0, 0, 0, 1, 1])
        let (x, q) = (FencedBuffer(values), FencedBuffer([UInt8](repeating: 9, count: values.count)))
        kernels.quantize_u8(x.pointer, q.pointer, values.count, 0.1, 10)
        #expect(q.values.prefix(7) == [0, 255, 0, 255, 0, 10, 10])
    }

    @Test("Halves: NaN stays NaN", arguments: KernelLevel.all)
    func halves(level: KernelLevel) {
        let (x, q) = (FencedBuffer(spread(.nan)), FencedBuffer([UInt16](repeating: 9, count: 37)))
        level.kernels.float_to_half(x.pointer, q.pointer, 37)
        #expect(Reference.halfToFloat(q.values[1]).isNaN && Reference.halfToFloat(q.values[36]) == 0.5)
    }

    /// Equal as IEEE values, all NaN being the same.
    private func same(_ a: [Float], _ b: [Float]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN }
    }
}
