import CKernels
import Tensors
import Testing

/// The tolerance is min(k + 3, 16) · 2⁻²⁴ of S = Σ|a||b| + |bias| + |c| for each element of C. k products and two other
/// terms round at most k + 3 times, each time by at most 2⁻²⁴ of S. In long sums of normal numbers the i-th partial sum is
/// about √i, so that all roundings together come to k · 2⁻²⁴ / √6, less than S · 2⁻²⁴ with its k · 2/π: 16 times that is
/// out of reach. A single term missing from 4,100 changes the sum by about 2⁻¹² of S, and is seen.
@Suite("Matrix products agree with their sums in Float64")
struct ProductTests {
    struct Shape: CustomStringConvertible {
        var rows: Int
        var depth: Int
        var width: Int
        var description: String { "\(rows) × \(depth) · \(depth) × \(width)" }
    }

    /// Around the sizes of all register blocks (2, 6, 8 rows; 16, 48 columns), of AMX (32 × 32 × 32, blocks of 64 rows)
    /// and of the blocks in the cache (24, 72, 96 rows). Every pair of them stands once in any two places of a shape.
    private static let sizes = [1, 2, 7, 8, 15, 16, 17, 31, 33, 48, 50, 97, 129]
    private static let shapes: [Shape] =
        sizes.indices.flatMap { i in
            sizes.indices.map { j in
                Shape(rows: sizes[i], depth: sizes[(i + j) % sizes.count], width: sizes[j])
            }
        }
    /// Three blocks of depth, the last one odd or of one pair; nothing to sum, and nothing at all.
    private static let extremes = [
        Shape(rows: 9, depth: 4100, width: 33), Shape(rows: 34, depth: 4097, width: 50),
        Shape(rows: 3, depth: 2048, width: 17), Shape(rows: 33, depth: 0, width: 50),
        Shape(rows: 0, depth: 5, width: 5), Shape(rows: 5, depth: 5, width: 0),
    ]

    /// C's memory before a product: numbers to add to, or NaN that must be overwritten, and a mark between the rows.
    private struct Destination {
        let shape: Shape
        let start: [Float]
        let gap: Int
        let buffer: FencedBuffer<Float>
        private static var mark: Float { -7 }

        init(_ shape: Shape, accumulate: Bool, gap: Int, misaligned: Bool) {
            self.shape = shape
            self.gap = gap
            start = normals(accumulate ? shape.rows * shape.width : 0, "c")
            let before = accumulate ? start : [Float](repeating: .nan, count: shape.rows * shape.width)
            buffer = Matrix(rows: shape.rows, columns: shape.width, values: before)
                .fenced(gap: gap, filling: Self.mark, misaligned: misaligned)
        }

        var stride: Int { shape.width + gap }

        /// C, or nil if anything else was written.
        var result: [Float]? {
            let all = buffer.values
            let gaps = all.enumerated().filter { $0.offset % stride >= shape.width }
            guard buffer.isIntact, gaps.allSatisfy({ $0.element == Self.mark }) else { return nil }
            return all.enumerated().filter { $0.offset % stride < shape.width }.map(\.element)
        }
    }

    /// Σ a · b and Σ |a| · |b| of the operands as the level holds them.
    private func exact(_ level: ProductLevel, _ a: Matrix, _ b: Matrix) -> (sums: [Double], magnitudes: [Double]) {
        let (left, right) = (a.values.map(level.held), b.values.map(level.held))
        func product(_ x: [Double], _ y: [Double]) -> [Double] {
            Reference.product(x, y, rows: a.rows, depth: a.columns, width: b.columns)
        }
        return (product(left, right), product(left.map(abs), right.map(abs)))
    }

    private func agrees(
        _ destination: Destination, _ sums: [Double], _ magnitudes: [Double], bias: [Float], depth: Int
    ) -> Bool {
        guard let found = destination.result, found.count == sums.count else { return false }
        let tolerance = Double(min(depth + 3, 16)) * 0x1p-24
        return found.indices.allSatisfy { index in
            var (expected, magnitude) = (sums[index], magnitudes[index])
            if !bias.isEmpty {
                expected += Double(bias[index % bias.count])
                magnitude += Double(abs(bias[index % bias.count]))
            }
            if !destination.start.isEmpty {
                expected += Double(destination.start[index])
                magnitude += Double(abs(destination.start[index]))
            }
            return abs(Double(found[index]) - expected) <= tolerance * magnitude
        }
    }

    @Test("A · B, with and without a bias and what C held, however packed and spaced", arguments: ProductLevel.all)
    func multiply(level: ProductLevel) {
        for (index, shape) in (Self.shapes + Self.extremes).enumerated() {
            let (a, b) = (Matrix(shape.rows, shape.depth, "a"), Matrix(shape.depth, shape.width, "b"))
            let (sums, magnitudes) = exact(level, a, b)
            let misaligned = index % 2 == 1
            let packing = (rows: RowPacking.allCases[index % 3], panels: PanelPacking.allCases[index / 3 % 3])
            let (rows, stride) = level.pack(a, packing.rows, gap: index % 4 * 2, misaligned: misaligned)
            let packed = level.pack(b, packing.panels, misaligned: misaligned)
            let (panels, panel) = index % 5 < 2 ? level.spread(packed, by: 32) : packed
            let bias = normals(shape.width, "bias")
            let fencedBias = FencedBuffer(bias, misaligned: misaligned)
            for (withBias, accumulate) in [(false, false), (true, false), (false, true), (true, true)] {
                let c = Destination(shape, accumulate: accumulate, gap: index % 3, misaligned: misaligned)
                level.product.multiply(
                    rows.pointer, stride, panels.pointer, panel, c.buffer.pointer, c.stride,
                    withBias ? fencedBias.pointer : nil, shape.rows, shape.depth, shape.width, accumulate ? 1 : 0)
                #expect(
                    agrees(c, sums, magnitudes, bias: withBias ? bias : [], depth: shape.depth),
                    "\(shape), \(packing), bias: \(withBias), accumulate: \(accumulate)")
            }
        }
    }

    @Test("Aᵀ · B, with A as it lies", arguments: ProductLevel.all.filter { !$0.isBFloat16 })
    func multiplyTransposed(level: ProductLevel) {
        for (index, shape) in (Self.shapes + Self.extremes).enumerated() {
            let (a, b) = (Matrix(shape.rows, shape.depth, "a"), Matrix(shape.depth, shape.width, "b"))
            let (sums, magnitudes) = exact(level, a, b)
            let misaligned = index % 2 == 1
            let columns = a.transposed.fenced(gap: index % 4, misaligned: misaligned)
            let packed = level.pack(b, .panels, misaligned: misaligned)
            let (panels, panel) = index % 5 < 2 ? level.spread(packed, by: 16) : packed
            for accumulate in [false, true] {
                let c = Destination(shape, accumulate: accumulate, gap: index % 3, misaligned: misaligned)
                level.product.multiply_transposed(
                    columns.pointer, shape.rows + index % 4, panels.pointer.assumingMemoryBound(to: Float.self), panel,
                    c.buffer.pointer, c.stride, shape.rows, shape.depth, shape.width, accumulate ? 1 : 0)
                #expect(
                    agrees(c, sums, magnitudes, bias: [], depth: shape.depth), "\(shape), accumulate: \(accumulate)")
            }
        }
    }

    @Test("A bfloat16 table has no product with a matrix that is not packed", arguments: ProductLevel.all)
    func transposedProducts(level: ProductLevel) {
        #expect((level.product.multiply_transposed == nil) == level.isBFloat16)
    }

    /// `MatrixProduct` relies on it: what a thread computes does not depend on where the work is cut.
    @Test("A part of C has the same bits as in the whole", arguments: ProductLevel.all)
    func parts(level: ProductLevel) {
        let shape = Shape(rows: 129, depth: 2083, width: 97)
        let (rows, stride) = level.pack(Matrix(shape.rows, shape.depth, "a"), .rows)
        let (panels, panel) = level.pack(Matrix(shape.depth, shape.width, "b"), .panels)
        let bias = normals(shape.width, "bias")
        func product(cutBy height: Int, _ width: Int) -> [Float] {
            var c = normals(shape.rows * shape.width, "c")
            c.withUnsafeMutableBufferPointer { c in
                for row in Swift.stride(from: 0, to: shape.rows, by: height) {
                    for column in Swift.stride(from: 0, to: shape.width, by: width) {
                        bias.withUnsafeBufferPointer { bias in
                            level.product.multiply(
                                rows.element(row * stride), stride, panels.element(column / 16 * panel), panel,
                                c.baseAddress! + row * shape.width + column, shape.width, bias.baseAddress! + column,
                                min(height, shape.rows - row), shape.depth, min(width, shape.width - column), 1)
                        }
                    }
                }
            }
            return c
        }
        let whole = product(cutBy: 129, 97)
        for (height, width) in [(32, 97), (129, 48), (64, 16), (16, 32), (96, 80)] {
            #expect(product(cutBy: height, width) == whole, "cut by \(height) × \(width)")
        }
    }

    // MARK: Special values

    /// A · B by this level, plain.
    private func product(_ level: ProductLevel, _ a: Matrix, _ b: Matrix, bias: [Float]? = nil) -> [Float]? {
        let shape = Shape(rows: a.rows, depth: a.columns, width: b.columns)
        let (rows, stride) = level.pack(a, .rows)
        let (panels, panel) = level.pack(b, .panels)
        let c = Destination(shape, accumulate: false, gap: 1, misaligned: false)
        let fencedBias = bias.map { FencedBuffer($0) }
        level.product.multiply(
            rows.pointer, stride, panels.pointer, panel, c.buffer.pointer, c.stride, fencedBias?.pointer, shape.rows,
            shape.depth, shape.width, 0)
        return c.result
    }

    @Test("NaN and infinities go where IEEE 754 sends them, and no further", arguments: ProductLevel.all)
    func poison(level: ProductLevel) throws {
        for depth in [1, 2, 7, 31, 32, 33, 50] {
            let (rows, width) = (17, 33)
            var (a, b) = (Matrix(rows, depth, "a"), Matrix(depth, width, "b"))
            // Its products with an infinity are NaN.
            for k in 0..<depth { b[k, 20] = 0 }
            let clean = try #require(product(level, a, b))
            for value in [Float.nan, .infinity, -.infinity] {
                // The last of the depth stands beside the padding.
                for k in [0, depth / 2, depth - 1] {
                    let (cleanA, cleanB) = (a, b)
                    defer { (a, b) = (cleanA, cleanB) }
                    a[3, k] = value
                    a[16, k] = value
                    b[k, 32] = value
                    let expected = exact(level, a, b).sums
                    let found = try #require(product(level, a, b))
                    for index in found.indices {
                        let isClean = ![3, 16].contains(index / width) && index % width != 32
                        let agrees = isClean ? found[index] == clean[index] : same(found[index], expected[index])
                        #expect(agrees, "\(value) at \(k) of \(depth): \(found[index]), not \(expected[index])")
                    }
                }
            }
        }
        /// Equal where this is not finite; these elements have no finite sums.
        func same(_ found: Float, _ expected: Double) -> Bool {
            Double(found) == expected || found.isNaN && expected.isNaN
        }
    }

    @Test("A bias that is NaN or infinite shows in its column alone", arguments: ProductLevel.all)
    func poisonedBias(level: ProductLevel) throws {
        let (a, b) = (Matrix(3, 5, "a"), Matrix(5, 21, "b"))
        for column in [0, 15, 16, 20] {
            for value in [Float.nan, .infinity, -.infinity] {
                var bias = [Float](repeating: 0, count: 21)
                let clean = try #require(product(level, a, b, bias: bias))
                bias[column] = value
                for (index, found) in try #require(product(level, a, b, bias: bias)).enumerated() {
                    let expected = index % 21 == column ? value : clean[index]
                    #expect(found == expected || found.isNaN && expected.isNaN)
                }
            }
        }
    }

    @Test("Large numbers overflow where the format says, and denormals count in float32", arguments: ProductLevel.all)
    func extremes(level: ProductLevel) throws {
        func times(_ x: Float, _ y: Float) throws -> Float {
            let a = Matrix(rows: 1, columns: 1, values: [x])
            return try #require(product(level, a, Matrix(rows: 1, columns: 1, values: [y])))[0]
        }
        let greatest = Float.greatestFiniteMagnitude
        #expect(try times(greatest, 0.5) == (level.isBFloat16 ? .infinity : greatest / 2))
        #expect(try times(0.5, -greatest) == (level.isBFloat16 ? -.infinity : -greatest / 2))
        #expect(try times(0x1.fep127, 0.5) == 0x1.fep126)
        #expect(try times(0x1p100, 0x1p100) == .infinity && times(-0x1p100, 0x1p100) == -.infinity)
        #expect(try times(0x1p-126, 1) == 0x1p-126)
        let tiny = try times(0x1p-130, 1)
        #expect(tiny == 0x1p-130 || level.isBFloat16 && tiny == 0)
        let underflowing = try times(0x1p-70, 0x1p-70)
        #expect(underflowing == 0x1p-140 || level.isBFloat16 && underflowing == 0)
    }
}
