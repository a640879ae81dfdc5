import Tensors
import Testing

@Suite("Rounding to integers")
struct QuantizationRoundingTests {
    @Test("activations round half to even and are clipped at 0 and 255")
    func activations() {
        let x = Tensor([0.5, 1.5, 2.5, -0.5, -1.5, -10, -11, 245, 246, 1e9], shape: [2, 5])
        let y = Tape().fakeQuantize(Variable(constant: x), UInt8Quantization(scale: 1, zeroPoint: 10)).value
        #expect(y.values == [0, 2, 2, 0, -2, -10, -10, 245, 245, 245])
    }

    @Test("a clipped activation gets no gradient, the ends of the range do")
    func clipMask() {
        let x = Tensor([-10.6, -10.4, -10, 0, 3.3, 245, 245.4, 245.6, 300], shape: [1, 9])
        let buffer = GradientBuffer(shape: x.shape)
        let tape = Tape()
        let y = tape.fakeQuantize(tape.leaf(x, gradient: buffer), UInt8Quantization(scale: 1, zeroPoint: 10))
        tape.backward(from: y, seed: Tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], shape: [1, 9]))
        #expect(buffer.value.values == [0, 2, 3, 4, 5, 6, 7, 0, 0])
    }

    @Test("each row has its own scale, a row of zeros has scale 1")
    func rowScales() {
        let matrix = Int8Matrix(
            quantizing: Tensor([127, 0.5, 1.5, -2.5, 0, 0, 0, 0, -1e-3, 6e-4, 0, 1e-3], shape: [3, 4]))
        #expect(matrix.scales == [1, 1, 1e-3 / 127])
        #expect(matrix.levels == [127, 0, 2, -2, 0, 0, 0, 0, -127, 76, 0, 127])
    }

    @Test("rows too small for a scale become zeros")
    func subnormalRows() {
        let matrix = Int8Matrix(quantizing: Tensor([.leastNonzeroMagnitude, -.leastNormalMagnitude], shape: [1, 2]))
        #expect(matrix.scales == [1])
        #expect(matrix.levels == [0, 0])
    }

    @Test("no weight moves by more than half a step")
    func roundingError() {
        let key = RandomKey(5)
        let x = Tensor((0..<7 * 129).map { Float(key.normal($0)) }, shape: [7, 129])
        let matrix = Int8Matrix(quantizing: x)
        for (index, (before, after)) in zip(x.values, matrix.dequantized.values).enumerated() {
            #expect(abs(before - after) <= matrix.scales[index / 129] * 0.50001)
        }
    }

    @Test("simulated rows equal stored rows bit for bit, and their gradient passes unchanged")
    func simulatedRows() {
        let key = RandomKey(6)
        let x = Tensor((0..<33 * 70).map { Float(key.normal($0)) }, shape: [33, 70])
        let buffer = GradientBuffer(shape: x.shape)
        let tape = Tape()
        let y = tape.fakeQuantizeRows(tape.leaf(x, gradient: buffer))
        #expect(y.value.values == Int8Matrix(quantizing: x).dequantized.values)
        let seed = Tensor((0..<33 * 70).map { Float($0) }, shape: [33, 70])
        tape.backward(from: y, seed: seed)
        #expect(buffer.value.values == seed.values)
    }

    /// Scales of 1 make the result the integer sum itself, which a float holds exactly below 2²⁴.
    @Test(
        "the integer product equals the reference bit for bit",
        arguments: [
            (1, 1, 1), (3, 5, 17), (4, 4, 16), (33, 192, 70), (70, 250, 130), (200, 63, 65), (5, 384, 400),
            (1, 700, 1000),
        ])
    func integerProduct(rows: Int, depth: Int, width: Int) {
        let key = RandomKey(UInt64(rows * depth * width))
        let levels = (0..<rows * depth).map { UInt8(key.bits($0) % 256) }
        let weights = (0..<width * depth).map { Int8(Int(key.bits($0 + 1_000_000) % 255) - 127) }
        let bias = (0..<width).map { Float($0) }
        let zero: UInt8 = 131
        let weight = PackedInt8Weight(
            Int8Matrix(rows: width, width: depth, levels: weights, scales: [Float](repeating: 1, count: width)),
            bias: bias)
        let x = Tensor(levels.map { Float($0) - Float(zero) }, shape: [rows, depth])
        let quantized = UInt8Activations(x, UInt8Quantization(scale: 1, zeroPoint: zero))
        let y = weight.multiply(quantized)
        let columns = (0..<depth * width).map { weights[$0 % width * depth + $0 / width] }
        let sums = Reference.multiplyU8S8(levels, columns, rows: rows, depth: depth, width: width)
        let expected = sums.indices.map { index in
            let column = index % width
            let total = (0..<depth).reduce(Int32(0)) { $0 + Int32(columns[$1 * width + column]) }
            return Float(sums[index] - Int32(zero) * total) + bias[column]
        }
        #expect(y.shape == [rows, width])
        #expect(y.values == expected)
        #expect(
            Threads.map(2) { _ in weight.multiply(quantized).values } == [expected, expected], "inside of a region")
    }

    @Test(
        "what is fused with a product gives the same numbers as what follows it",
        arguments: [Activation.gelu, .geluTanh, .relu])
    func fused(activation: Activation) {
        func matrix(_ rows: Int, _ width: Int) -> PackedInt8Weight {
            let key = RandomKey(9).mixed(rows)
            return PackedInt8Weight(
                Int8Matrix(
                    rows: rows, width: width,
                    levels: (0..<rows * width).map { Int8(Int(key.bits($0) % 255) - 127) },
                    scales: (0..<rows).map { 0.001 + Float($0) * 1e-4 }),
                bias: (0..<rows).map { Float(key.mixed("bias").normal($0)) })
        }
        func tensor(_ rows: Int, _ width: Int) -> Tensor {
            let key = RandomKey(10).mixed(width)
            return Tensor((0..<rows * width).map { Float(key.normal($0)) }, shape: [rows, width])
        }
        let (first, second) = (matrix(710, 133), matrix(21, 710))
        let grid = UInt8Quantization(scale: 0.03, zeroPoint: 7)
        // The threads share the columns of few rows, and the rows of many.
        let inputs = [9, 67, 150].map { tensor($0, 133) }
        for x in inputs.flatMap({ [UInt8Activations($0, grid), UInt8Activations(perRow: $0)] }) {
            let plain = first.multiply(x)
            let residual = tensor(x.rows, 710)
            let sum = zip(plain.values, residual.values).map { $0 + $1 }
            #expect(first.multiply(x, adding: residual).values == sum)
            let tape = Tape(recording: false)
            let apart = tape.activation(activation, Variable(constant: plain)).value
            #expect(
                second.multiply(first.multiply(x, activation, onto: grid)).values
                    == second.multiply(UInt8Activations(apart, grid)).values)
        }
    }

    @Test("NaN and infinities make a row NaN on its own grid, and saturate on a fixed one")
    func notFinite() {
        let weight = PackedInt8Weight(
            Int8Matrix(rows: 1, width: 4, levels: [1, 0, 0, 0], scales: [1]), bias: [0])
        let grid = UInt8Quantization(scale: 0.1, zeroPoint: 128)
        for (value, saturated) in [(Float.nan, Float(-12.8)), (.infinity, 12.7), (-.infinity, -12.8)] {
            let x = Tensor([value, 1, -2, 0.5, 1, 1, -2, 0.5], shape: [2, 4])
            let (rows, fixed) = (
                weight.multiply(UInt8Activations(perRow: x)), weight.multiply(UInt8Activations(x, grid))
            )
            #expect(rows.values[0].isNaN && abs(rows.values[1] - 1) < 0.01)
            #expect(abs(fixed.values[0] - saturated) < 1e-5 && abs(fixed.values[1] - 1) < 1e-5)
        }
    }

    @Test("weights of which two neighbours just fit 16 bits, or just do not, give exact sums")
    func neighbours() {
        let pairs: [[Int8]] = [
            [64, 64], [64, 65], [-64, -64], [-65, -64], [127, 1], [127, 2], [-128, 0], [-128, -1], [0, -128],
            [127, 127],
        ]
        for pair in pairs {
            // One pair among zeros decides for the whole weight.
            var levels = [Int8](repeating: 0, count: 20 * 30)
            levels.replaceSubrange(18 * 30 + 8..<18 * 30 + 10, with: pair)
            let weight = PackedInt8Weight(
                Int8Matrix(rows: 20, width: 30, levels: levels, scales: [Float](repeating: 1, count: 20)),
                bias: [Float](repeating: 0, count: 20))
            let x = UInt8Activations(
                Tensor(repeating: 255, shape: [3, 30]), UInt8Quantization(scale: 1, zeroPoint: 0))
            let row = (0..<20).map { $0 == 18 ? Float(255) * (Float(pair[0]) + Float(pair[1])) : 0 }
            #expect(weight.multiply(x).values == row + row + row, "\(pair)")
        }
    }

    @Test("the deepest product that is allowed does not overflow")
    func deepestProduct() {
        let depth = PackedInt8Weight.maximumDepth
        let weight = PackedInt8Weight(
            Int8Matrix(rows: 1, width: depth, levels: [Int8](repeating: -128, count: depth), scales: [1]), bias: [0])
        for (value, zero) in [(Float(255), UInt8(0)), (-255, 255)] {
            let x = Tensor(repeating: value, shape: [1, depth])
            let y = weight.multiply(UInt8Activations(x, UInt8Quantization(scale: 1, zeroPoint: zero)))
            #expect(y.values == [-128 * Float(depth) * value])
        }
    }
}
