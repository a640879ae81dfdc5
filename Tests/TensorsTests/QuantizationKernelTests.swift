import CKernels
import Tensors
import Testing

@Suite("Quantization kernels agree with their formulas")
struct QuantizationKernelTests {
    /// Scales that divide exactly and not, a huge and a denormal one; zero points at the edges and inside.
    private static let grids: [(scale: Float, zero: Float, low: Float, high: Float)] = [
        (0.5, 0, -127, 127), (0.1, 0, -127, 127), (0.037, 113, 0, 255), (1 / 3, 255, 0, 255), (0.7, 0, -63, 63),
        (1e30, 3, 0, 255), (0x1p-134, 0, -127, 127),
    ]

    /// Normal values, exact halves of the scale, values on the borders of the range and far outside.
    private func values(_ n: Int, scale: Float) -> [Float] {
        normals(n, "x", deviation: 3).enumerated().map { index, value in
            switch index % 4 {
            case 0: value
            case 1: (Float(index % 37) - 18.5) * scale
            case 2: (Float(index % 5) * 64 - 128.5) * scale
            default: value * 1000 * scale
            }
        }
    }

    @Test("Fake quantization lands on the same levels, and passes the same gradients", arguments: KernelLevel.all)
    func fakeQuantize(level: KernelLevel) {
        for grid in Self.grids {
            for n in kernelSizes {
                let inputs = values(n, scale: grid.scale)
                let x = FencedBuffer(inputs, misaligned: true)
                let y = FencedBuffer([Float](repeating: 9, count: n))
                level.kernels.fake_quantize(x.pointer, y.pointer, n, grid.scale, grid.zero, grid.low, grid.high)
                let expected = inputs.map {
                    Reference.fakeQuantize($0, scale: grid.scale, zero: grid.zero, low: grid.low, high: grid.high)
                }
                // One multiplication after the exact level: one rounding.
                #expect(largestError(y.values, expected, scale: relative(1e-37)) < 6e-8)

                let incoming = normals(n, "dy")
                let dy = FencedBuffer(incoming, misaligned: true)
                let dx = FencedBuffer([Float](repeating: 9, count: n))
                level.kernels.fake_quantize_backward(
                    x.pointer, dy.pointer, dx.pointer, n, grid.scale, grid.zero, grid.low, grid.high)
                let passed = zip(inputs, incoming).map {
                    Reference.passesGradient($0, scale: grid.scale, zero: grid.zero, low: grid.low, high: grid.high)
                        ? $1 : 0
                }
                #expect(dx.values == passed)
                #expect(y.isIntact && dx.isIntact)
            }
        }
    }

    @Test("Quantization to bytes is exact", arguments: KernelLevel.all)
    func quantizeU8(level: KernelLevel) {
        for grid in Self.grids {
            for n in kernelSizes {
                let inputs = values(n, scale: grid.scale)
                let x = FencedBuffer(inputs, misaligned: true)
                let q = FencedBuffer([UInt8](repeating: 9, count: n), misaligned: true)
                level.kernels.quantize_u8(x.pointer, q.pointer, n, grid.scale, grid.zero)
                #expect(
                    q.values == inputs.map { Reference.quantizeU8($0, scale: grid.scale, zero: grid.zero) })
                #expect(q.isIntact)
            }
        }
    }

    @Test(
        "The largest magnitude is that of a number, an infinity or NaN, wherever it stands", arguments: KernelLevel.all)
    func largestMagnitude(level: KernelLevel) {
        func largest(_ values: [Float]) -> Float {
            let x = FencedBuffer(values, misaligned: true)
            return level.kernels.largest_magnitude(x.pointer, values.count)
        }
        for n in kernelSizes {
            let values = normals(n, "x")
            #expect(largest(values) == values.map(abs).max() ?? 0)
            for place in Set([0, n / 2, n - 1]).filter(values.indices.contains) {
                for special in [-Float.infinity, 1e30, -1e30] {
                    var changed = values
                    changed[place] = special
                    #expect(largest(changed) == abs(special))
                }
                var changed = values
                changed[place] = -.nan
                #expect(largest(changed).isNaN)
            }
            #expect(largest([Float](repeating: -0.0, count: n)) == 0)
            #expect(n == 0 || largest([Float](repeating: -0x1p-140, count: n)) == 0x1p-140)
        }
    }

    @Test("The quotient is divided, not multiplied by a rounded reciprocal", arguments: KernelLevel.all)
    func trueDivision(level: KernelLevel) {
        // Many quotients that round to a half exactly, where the reciprocal's error would tip them over.
        for scale in stride(from: Float(0.01), to: 0.5, by: 0.0137) {
            let inputs = (0..<255).map { (Float($0) + 0.5) * scale }
            let x = FencedBuffer(inputs)
            let q = FencedBuffer([UInt8](repeating: 0, count: inputs.count))
            level.kernels.quantize_u8(x.pointer, q.pointer, inputs.count, scale, 0)
            #expect(q.values == inputs.map { Reference.quantizeU8($0, scale: scale, zero: 0) })
        }
    }

    private func bytes(_ halves: FencedBuffer<UInt16>) -> UnsafePointer<UInt8> {
        UnsafeRawPointer(halves.pointer).assumingMemoryBound(to: UInt8.self)
    }

    @Test("bfloat16 is the upper half of a float", arguments: KernelLevel.all)
    func brain(level: KernelLevel) {
        for n in kernelSizes {
            let patterns = (0..<n).map { UInt16(truncatingIfNeeded: $0 &* 9973) }
            let x = FencedBuffer(patterns, misaligned: true)
            let y = FencedBuffer([Float](repeating: 9, count: n), misaligned: true)
            level.kernels.expand_bfloat16(bytes(x), n, y.pointer)
            #expect(y.values.map(\.bitPattern) == patterns.map { UInt32($0) << 16 } && y.isIntact)
        }
    }

    @Test("Every half converts to float and back, and floats round to the nearest half", arguments: KernelLevel.all)
    func halves(level: KernelLevel) {
        let patterns = Array(UInt16.min...UInt16.max)
        let x = FencedBuffer(patterns)
        let y = FencedBuffer([Float](repeating: 9, count: patterns.count))
        level.kernels.expand_float16(bytes(x), patterns.count, y.pointer)
        #expect(largestError(y.values, patterns.map(Reference.halfToFloat)) == 0)
        #expect(zip(y.values, patterns).allSatisfy { ($0.sign == .minus) == ($1 >> 15 == 1) })

        // Every half, the middle between it and the next, and one float to either side of both.
        let floats =
            y.values.filter(\.isFinite).flatMap { half -> [Float] in
                let middle = half + Float(Float16(half).ulp) / 2
                return [half, half.nextUp, half.nextDown, middle, middle.nextUp, middle.nextDown]
            } + [.infinity, -.infinity, 65519, 65520, 1e9, -1e9, 1e-9, -1e-9, 0x1p-140]
        let source = FencedBuffer(floats, misaligned: true)
        let halves = FencedBuffer([UInt16](repeating: 9, count: floats.count), misaligned: true)
        level.kernels.float_to_half(source.pointer, halves.pointer, floats.count)
        #expect(halves.values == floats.map(Reference.floatToHalf))
        #expect(halves.isIntact)

        for n in kernelSizes {
            let some = FencedBuffer(Array(floats.prefix(n)), misaligned: true)
            let converted = FencedBuffer([UInt16](repeating: 9, count: n))
            level.kernels.float_to_half(some.pointer, converted.pointer, n)
            #expect(converted.values == floats.prefix(n).map(Reference.floatToHalf) && converted.isIntact)
            let back = FencedBuffer([Float](repeating: 9, count: n), misaligned: true)
            level.kernels.expand_float16(bytes(converted), n, back.pointer)
            #expect(largestError(back.values, converted.values.map(Reference.halfToFloat)) == 0 && back.isIntact)
        }
    }
}
