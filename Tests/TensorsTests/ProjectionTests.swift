import CKernels
import Foundation
import Tensors
import Testing

@Suite("Products with stored matrices")
struct ProjectionTests {
    /// Blocks of random levels with modest scales, and the weights that they stand for.
    private func blocks(_ format: StoredProjection.Format, _ count: Int) -> (bytes: Data, weights: [Float]) {
        let key = RandomKey(7)
        var (bytes, weights): (Data, [Float]) = (Data(), [])
        for block in 0..<count {
            let random = (0..<32).map { UInt8(truncatingIfNeeded: key.mixed("levels").mixed(block).bits($0)) }
            guard format.blockWidth > 1 else {
                let value = Float(key.normal(block))
                let bits = format == .float16 ? Float16(value).bitPattern : UInt16(value.bitPattern >> 16)
                withUnsafeBytes(of: bits) { bytes.append(contentsOf: $0) }
                weights.append(
                    format == .float16 ? Float(Float16(bitPattern: bits)) : Float(bitPattern: UInt32(bits) << 16))
                continue
            }
            func half(_ value: Double) -> Float {
                let half = Float16(value)
                withUnsafeBytes(of: half.bitPattern) { bytes.append(contentsOf: $0) }
                return Float(half)
            }
            let d = half(0.01 + 0.1 * key.uniform(block))
            let m = format == .q41 ? half(key.mixed("m").normal(block)) : 0
            switch format {
            case .float16, .bfloat16: break
            case .q80:
                bytes.append(contentsOf: random)
                weights += random.map { d * Float(Int8(bitPattern: $0)) }
            case .q40, .q41:
                let levels = random.map { $0 & 15 }
                bytes.append(contentsOf: (0..<16).map { levels[$0] | levels[16 + $0] << 4 })
                weights += levels.map { format == .q40 ? d * (Float($0) - 8) : d * Float($0) + m }
            }
        }
        return (bytes, weights)
    }

    /// d · level + m is rounded once or twice, by whether the processor fuses: 2⁻²⁴ of 16 · 0.11 + |m| < 6.
    @Test("blocks expand to what they stand for", arguments: StoredProjection.Format.allCases, KernelLevel.all)
    func expand(format: StoredProjection.Format, level: KernelLevel) {
        for count in [0, 1, 2, 7, 8, 9, 33] {
            let (bytes, weights) = blocks(format, count)
            let y = FencedBuffer([Float](repeating: 9, count: weights.count))
            bytes.withUnsafeBytes { source in
                guard let start = source.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
                switch format {
                case .q80: level.kernels.expand_q8_0(start, count, y.pointer)
                case .q40: level.kernels.expand_q4_0(start, count, y.pointer)
                case .q41: level.kernels.expand_q4_1(start, count, y.pointer)
                case .float16: level.kernels.expand_float16(start, count, y.pointer)
                case .bfloat16: level.kernels.expand_bfloat16(start, count, y.pointer)
                }
            }
            #expect(largestError(y.values, weights.doubles, scale: relative(1)) < (format == .q41 ? 4e-7 : 1e-30))
            #expect(y.isIntact)
        }
    }

    @Test(
        "a product with one vector gives the numbers of the expanded rows, bit for bit",
        arguments: StoredProjection.Format.allCases, KernelLevel.all)
    func product(format: StoredProjection.Format, level: KernelLevel) {
        typealias Product =
            @convention(c) (
                UnsafePointer<UInt8>?, Int, Int, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?
            ) -> Void
        typealias Expansion = @convention(c) (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<Float>?) -> Void
        let (product, expand): (Product, Expansion) =
            switch format {
            case .q80: (level.kernels.multiply_q8_0, level.kernels.expand_q8_0)
            case .q40: (level.kernels.multiply_q4_0, level.kernels.expand_q4_0)
            case .q41: (level.kernels.multiply_q4_1, level.kernels.expand_q4_1)
            case .float16: (level.kernels.multiply_float16, level.kernels.expand_float16)
            case .bfloat16: (level.kernels.multiply_bfloat16, level.kernels.expand_bfloat16)
            }
        for (rows, width) in [(1, 32), (7, 64), (8, 96), (17, 576), (24, 32), (0, 64), (3, 0)] {
            let bytes = blocks(format, rows * width / format.blockWidth).bytes
            let (w, x) = (FencedBuffer([UInt8](bytes)), FencedBuffer(normals(width, "x"), misaligned: true))
            let expanded = FencedBuffer([Float](repeating: 9, count: rows * width))
            expand(w.pointer, rows * width / format.blockWidth, expanded.pointer)
            let (y, expected) = (
                FencedBuffer([Float](repeating: 9, count: rows)), FencedBuffer([Float](repeating: 8, count: rows))
            )
            level.kernels.multiply_rows(expanded.pointer, rows, width, x.pointer, 1, expected.pointer, rows)
            product(w.pointer, rows, width / 32, x.pointer, y.pointer)
            #expect(y.values == expected.values, "\(rows) × \(width)")
            #expect(y.isIntact && w.isIntact && x.isIntact)
        }
    }

    @Test("few rows times many, each alike whatever stands beside it", arguments: KernelLevel.all)
    func multiplyRows(level: KernelLevel) {
        for (rows, width, n) in [(1, 1, 1), (8, 16, 1), (9, 33, 3), (17, 64, 2), (3, 100, 5), (8, 15, 4), (17, 48, 7)] {
            let (weights, inputs) = (normals(rows * width, "w"), normals(n * width, "x"))
            let (w, x) = (FencedBuffer(weights, misaligned: true), FencedBuffer(inputs, misaligned: true))
            let y = FencedBuffer([Float](repeating: 9, count: n * rows))
            level.kernels.multiply_rows(w.pointer, rows, width, x.pointer, n, y.pointer, rows)
            let expected = Reference.linear(inputs.doubles, weight: weights.doubles, input: width)
            #expect(largestError(y.values, expected, scale: relative(1)) < 1e-5)
            #expect(y.isIntact)
            let one = FencedBuffer([Float](repeating: 9, count: rows))
            for row in 0..<n {
                level.kernels.multiply_rows(w.pointer, rows, width, x.pointer + row * width, 1, one.pointer, rows)
                #expect(one.values == Array(y.values[row * rows..<(row + 1) * rows]))
            }
        }
    }

    @Test("attention of one position", arguments: KernelLevel.all)
    func attend(level: KernelLevel) {
        for (heads, positions, width, stride) in [
            (1, 1, 4, 4), (3, 5, 16, 48), (2, 70, 20, 33), (3, 20, 64, 64), (2, 9, 128, 130), (1, 5, 84, 84),
        ] {
            let query = normals(heads * width, "q")
            let (keys, values) = (normals(positions * stride, "k"), normals(positions * stride, "v"))
            let (q, k, v) = (FencedBuffer(query), FencedBuffer(keys), FencedBuffer(values))
            let scores = FencedBuffer([Float](repeating: 9, count: heads * positions))
            let y = FencedBuffer([Float](repeating: 9, count: heads * width))
            level.kernels.attend(
                q.pointer, k.pointer, v.pointer, stride, scores.pointer, y.pointer, heads, positions, width, 0.3)
            let expected = (0..<heads).flatMap { head -> [Double] in
                let sums = (0..<positions).map { position in
                    (0..<width).reduce(0.0) {
                        $0 + Double(query[head * width + $1]) * Double(keys[position * stride + $1])
                    }
                }
                let p = Reference.softmax(sums, width: positions, scale: Double(Float(0.3)))
                return (0..<width).map { column in
                    (0..<positions).reduce(0.0) { $0 + p[$1] * Double(values[$1 * stride + column]) }
                }
            }
            #expect(largestError(y.values, expected, scale: relative(1)) < 1e-5)
            #expect(y.isIntact && scores.isIntact)
        }
    }

    @Test(
        "a projection over all threads, its rows in another order, gives the product of what it stands for",
        arguments: StoredProjection.Format.allCases)
    func storedProjection(format: StoredProjection.Format) {
        // Several chunks of eight rows and a last one of three; 7 has no factor in common with their number.
        let (outputs, inputs) = (1003, 96)
        let (bytes, weights) = blocks(format, outputs * inputs / format.blockWidth)
        let order = (0..<outputs).map { Int32(($0 * 7) % outputs) }
        let projection = StoredProjection(format, outputs: outputs, inputs: inputs, bytes: bytes, order: order)
        let ordered = order.flatMap { weights[Int($0) * inputs..<(Int($0) + 1) * inputs] }
        // One row goes another way than several.
        for rows in [1, 5] {
            let x = tensor([rows, inputs], "x")
            let found = projection.multiply(x)
            let expected = Reference.linear(x.values.doubles, weight: ordered.doubles, input: inputs)
            #expect(found.shape == [rows, outputs])
            #expect(largestError(found.values, expected, scale: relative(100)) < 1e-6)
            #expect(FloatProjection(Tensor(ordered, shape: [outputs, inputs])).multiply(x).shape == [rows, outputs])
        }
        var row = [Float](repeating: 9, count: inputs)
        projection.copyRow(17, to: &row)
        #expect(largestError(row, Array(ordered[17 * inputs..<18 * inputs]).doubles, scale: relative(1)) < 4e-7)
    }

    @Test("a cache grows and gives causal attention over all that it holds")
    func keyValueCache() {
        let (heads, keyHeads, size, positions) = (4, 2, 8, 150)
        let (q, k, v) = (
            tensor([positions, heads * size], "q"), tensor([positions, keyHeads * size], "k"),
            tensor([positions, keyHeads * size], "v")
        )
        let expected = Reference.attention(
            q: q.values.doubles, k: k.values.doubles, v: v.values.doubles, heads: heads, keyHeads: keyHeads,
            offsets: SequenceOffsets(lengths: [positions]), causal: true)
        var cache = KeyValueCache(width: keyHeads * size)
        var found: [Float] = []
        var first = 0
        for count in [1, 60, 4, 85] {
            func part(_ x: Tensor) -> Tensor {
                Tensor(Array(x.values[first * x.width..<(first + count) * x.width]), shape: [count, x.width])
            }
            cache.append(keys: part(k), values: part(v))
            found += cache.attend(part(q), heads: heads, headSize: size).values
            first += count
        }
        #expect(cache.count == positions)
        #expect(largestError(found, expected, scale: relative(1)) < 1e-5)
    }
}
