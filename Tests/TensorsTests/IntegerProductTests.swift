import CKernels
import Tensors
import Testing

@Suite("The integer product is exact")
struct IntegerProductTests {
    /// rows, depth, width: multiples of the tiles, their neighbours, nothing, one.
    private static let shapes = [
        (1, 1, 1), (1, 4, 16), (4, 8, 64), (5, 7, 17), (3, 3, 15), (8, 64, 65), (9, 63, 31), (2, 192, 192), (0, 4, 16),
        (2, 0, 5), (2, 5, 0), (17, 66, 130), (32, 64, 32), (33, 192, 48), (47, 129, 17), (16, 60, 33), (15, 40, 97),
        (6, 12, 50), (7, 9, 48), (208, 8, 96),
    ]

    /// Unit factors leave the sums themselves, which floats hold exactly below 2²⁴.
    private func check(
        _ level: KernelLevel, _ a: [UInt8], _ b: [Int8], _ shape: (Int, Int, Int), slack: Int, gap: Int = 0,
        pairsFit: Bool = false
    ) {
        let (rows, depth, width) = shape
        let stride = (depth + 3) / 4 * 4 + slack
        // The padding holds 255, which must not reach the result.
        var padded = [UInt8](repeating: 255, count: rows * stride)
        for i in 0..<rows {
            for k in 0..<depth { padded[i * stride + k] = a[i * depth + k] }
        }
        let x = FencedBuffer(padded)
        let w = FencedBuffer(Reference.packS8(b, depth: depth, width: width))
        let y = FencedBuffer([Float](repeating: -7, count: rows * (width + gap)), misaligned: true)
        let (weightSums, zeros) = (
            FencedBuffer(columnSums(b, shape)), FencedBuffer([Float](repeating: 0, count: width))
        )
        let ones = FencedBuffer([Float](repeating: 1, count: max(width, 1)))
        var dequantization = retort_dequantization(
            zero: 0, weight_sums: weightSums.pointer, factors: ones.pointer, bias: zeros.pointer,
            pairs_fit: pairsFit ? 1 : 0)
        level.kernels.linear_u8s8(
            x.pointer, stride, w.pointer, &dequantization, ones.pointer, 0, nil, y.pointer, width + gap, rows, depth,
            width)
        let expected = Reference.multiplyU8S8(a, b, rows: rows, depth: depth, width: width)
        #expect(y.values == spread(expected.map(Float.init), width, gap))
        #expect(
            [x.isIntact, w.isIntact, y.isIntact, weightSums.isIntact, zeros.isIntact, ones.isIntact].allSatisfy { $0 })
    }

    private func columnSums(_ b: [Int8], _ shape: (Int, Int, Int)) -> [Int32] {
        let (_, depth, width) = shape
        return (0..<width).map { column in (0..<depth).reduce(Int32(0)) { $0 + Int32(b[$1 * width + column]) } }
    }

    /// Rows of `width` with −7 between them.
    private func spread(_ values: [Float], _ width: Int, _ gap: Int) -> [Float] {
        guard width > 0 else { return [Float](repeating: -7, count: gap > 0 ? values.count : 0) }
        return stride(from: 0, to: values.count, by: width).flatMap {
            values[$0..<$0 + width] + [Float](repeating: -7, count: gap)
        }
    }

    @Test("for random values, at every shape and stride", arguments: KernelLevel.all)
    func random(level: KernelLevel) {
        for shape in Self.shapes {
            let key = RandomKey(11).mixed(shape.1)
            let a = (0..<shape.0 * shape.1).map { UInt8(truncatingIfNeeded: key.bits($0)) }
            let b = (0..<shape.1 * shape.2).map { Int8(truncatingIfNeeded: key.mixed("b").bits($0)) }
            check(level, a, b, shape, slack: 0)
            if shape.2 > 0 { check(level, a, b, shape, slack: 12, gap: 3) }
        }
    }

    @Test("for 255 × ±127 and ±128, where pairs overflow 16 bits", arguments: KernelLevel.all)
    func extreme(level: KernelLevel) {
        for shape in Self.shapes {
            let a = [UInt8](repeating: 255, count: shape.0 * shape.1)
            for weight in [127, -127, -128] as [Int8] {
                let same = [Int8](repeating: weight, count: shape.1 * shape.2)
                check(level, a, same, shape, slack: 0)
            }
            let alternating = (0..<shape.1 * shape.2).map { $0 % 2 == 0 ? Int8(127) : -127 }
            check(level, a, alternating, shape, slack: 4)
        }
    }

    @Test("for weights of which two neighbours fit 16 bits, and says so", arguments: KernelLevel.all)
    func pairs(level: KernelLevel) {
        for shape in Self.shapes {
            let (depth, count) = (shape.1, shape.1 * shape.2)
            let key = RandomKey(13).mixed(depth)
            let a = (0..<shape.0 * depth).map { UInt8(truncatingIfNeeded: key.bits($0)) }
            let sevenBits = (0..<count).map { Int8(Int(key.mixed("b").bits($0) % 127) - 63) }
            check(level, a, sevenBits, shape, slack: 0, pairsFit: true)
            // Sums of 128, which are as many as fit.
            let highest = [UInt8](repeating: 255, count: a.count)
            for (even, odd) in [(64, 64), (-64, -64), (-128, 0), (1, 127), (0, -128), (-127, 1)] as [(Int8, Int8)] {
                let weights = (0..<count).map { $0 / shape.2 % 2 == 0 ? even : odd }
                check(level, highest, weights, shape, slack: 4, pairsFit: true)
            }
        }
    }

    @Test("its sums become floats by the very same roundings at every level", arguments: KernelLevel.all)
    func linear(level: KernelLevel) {
        for (rows, depth, width) in Self.shapes {
            let key = RandomKey(12).mixed(depth)
            let a = (0..<rows * depth).map { UInt8(truncatingIfNeeded: key.bits($0)) }
            let b = (0..<depth * width).map { Int8(truncatingIfNeeded: key.mixed("b").bits($0)) }
            func floats(_ count: Int, _ name: String) -> [Float] {
                (0..<count).map { Float(key.mixed(name).normal($0)) }
            }
            let stride = (depth + 3) / 4 * 4 + 8
            var padded = [UInt8](repeating: 255, count: rows * stride)
            for i in 0..<rows { for k in 0..<depth { padded[i * stride + k] = a[i * depth + k] } }
            let (x, w) = (FencedBuffer(padded), FencedBuffer(Reference.packS8(b, depth: depth, width: width)))
            let weightSums = FencedBuffer(columnSums(b, (rows, depth, width)))
            let (factors, bias) = (FencedBuffer(floats(width, "factors")), FencedBuffer(floats(width, "bias")))
            var dequantization = retort_dequantization(
                zero: 131, weight_sums: weightSums.pointer, factors: factors.pointer, bias: bias.pointer,
                pairs_fit: 0)
            let sums = Reference.multiplyU8S8(a, b, rows: rows, depth: depth, width: width)
            for (isShared, hasResidual, gap) in [(true, false, 0), (false, true, 0), (true, true, 5)] where width > 0 {
                let scales = FencedBuffer(floats(isShared ? 1 : rows, "scales"))
                let added = floats(rows * width, "residual")
                let residual = FencedBuffer(spread(added, width, gap))
                let y = FencedBuffer([Float](repeating: -7, count: rows * (width + gap)), misaligned: true)
                level.kernels.linear_u8s8(
                    x.pointer, stride, w.pointer, &dequantization, scales.pointer, isShared ? 0 : 1,
                    hasResidual ? residual.pointer : nil, y.pointer, width + gap, rows, depth, width)
                let expected = sums.indices.map { index in
                    let (row, column) = (index / width, index % width)
                    let value = Reference.dequantize(
                        sums[index], offset: 131 * weightSums.values[column], factor: factors.values[column],
                        scale: scales.values[isShared ? 0 : row], bias: bias.values[column])
                    return hasResidual ? value + added[index] : value
                }
                #expect(y.values == spread(expected, width, gap), "\(rows) × \(depth) × \(width)")
                if hasResidual {
                    // In place.
                    level.kernels.linear_u8s8(
                        x.pointer, stride, w.pointer, &dequantization, scales.pointer, isShared ? 0 : 1,
                        residual.pointer, residual.pointer, width + gap, rows, depth, width)
                    #expect(residual.values == y.values)
                }
                #expect(y.isIntact && x.isIntact && w.isIntact && residual.isIntact)
            }
        }
    }
}
