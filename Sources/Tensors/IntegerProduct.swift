import CKernels

/// Activations as unsigned 8-bit integers, laid out for the integer product: [N, C].
public struct UInt8Activations: Sendable {
    public let rows: Int
    public let width: Int
    /// The level of 0.
    let zeroPoint: UInt8
    /// One scale for all rows, or one for each.
    let scales: [Float]
    /// Bytes from one row to the next: the width rounded up to a multiple of four, as the kernel reads it.
    let stride: Int
    let levels: [UInt8]

    /// Quantizes x: [N, C] on a fixed grid. Infinities become its ends, NaN its lowest level, as with ONNX's QuantizeLinear.
    public init(_ x: Tensor, _ quantization: UInt8Quantization) {
        self.init(x, scales: [quantization.scale], zeroPoint: quantization.zeroPoint)
    }

    /// Quantizes each row of x: [N, C] on a symmetric grid of its own, s = max|row| / 127, as `Int8Matrix` does; the
    /// levels stand 128 higher. The scale of a row with NaN or an infinity is NaN, and so is all that is made of it.
    public init(perRow x: Tensor) {
        self.init(x, scales: Int8Matrix.scales(of: x).map { $0.isFinite ? $0 : .nan }, zeroPoint: 128)
    }

    private init(_ x: Tensor, scales: [Float], zeroPoint: UInt8) {
        let (rows, width) = (x.rows, x.width)
        self.init(rows: rows, width: width, scales: scales, zeroPoint: zeroPoint) { levels, stride in
            nonisolated(unsafe) let levels = levels
            Threads.forEachChunk(of: rows, grain: max(1, (1 << 15) / max(width, 1))) { range in
                for row in range {
                    kernels.quantize_u8(
                        x.pointer + row * width, levels + row * stride, width,
                        scales.count == 1 ? scales[0] : scales[row], Float(zeroPoint))
                }
            }
        }
    }

    /// Levels of a fixed grid that `fill` writes: row r begins at r · stride.
    init(
        rows: Int, width: Int, _ grid: UInt8Quantization,
        fill: (_ levels: UnsafeMutablePointer<UInt8>, _ stride: Int) -> Void
    ) {
        self.init(rows: rows, width: width, scales: [grid.scale], zeroPoint: grid.zeroPoint, fill: fill)
    }

    private init(
        rows: Int, width: Int, scales: [Float], zeroPoint: UInt8,
        fill: (_ levels: UnsafeMutablePointer<UInt8>, _ stride: Int) -> Void
    ) {
        let stride = (width + 3) / 4 * 4
        self.rows = rows
        self.width = width
        self.stride = stride
        self.scales = scales
        self.zeroPoint = zeroPoint
        levels = [UInt8](unsafeUninitializedCapacity: rows * stride) { levels, count in
            // The bytes between width and stride meet zeros of the packed weight, but must be initialized.
            if stride > width { levels.initialize(repeating: 0) }
            if let base = levels.baseAddress { fill(base, stride) }
            count = rows * stride
        }
    }
}

/// An int8 weight packed once for the integer product, with what dequantizes its results.
///
/// y = s_x · s_c · (Σ q_x · q_w − z_x · Σ q_w) + b, summed in int32 without overflow for up to `maximumDepth` inputs
/// (Jacob et al. 2018, arXiv 1712.05877).
public struct PackedInt8Weight: Sendable {
    /// Inputs (I) and outputs (O).
    public let depth: Int
    public let width: Int
    /// [⌈O/16⌉][⌈I/4⌉][16][4], zeros where it is padded.
    private let packed: [Int8]
    private let scales: [Float]
    /// Σ q_w of each output channel.
    private let sums: [Int32]
    private let bias: [Float]
    /// Whether two neighbouring products always add up within 16 bits (see `retort_dequantization`).
    private let pairsFit: Bool

    /// So many inputs cannot make a sum exceed 255 · 128 · 2¹⁶ < 2³¹.
    public static let maximumDepth = 1 << 16

    /// The block of a float result that is kept at a time where what follows makes something else of it: whole panels that fit
    /// the first-level cache.
    private static let block = (rows: 64, columns: 96)

    /// - Parameters:
    ///   - weight: [O, I], with at most `maximumDepth` inputs.
    ///   - bias: [O].
    public init(_ weight: Int8Matrix, bias: [Float]) {
        precondition(
            bias.count == weight.rows && weight.width <= Self.maximumDepth,
            "PackedInt8Weight: \(bias.count) biases for \(weight.rows) × \(weight.width)")
        depth = weight.width
        width = weight.rows
        scales = weight.scales
        self.bias = bias
        let (depth, groups, panels) = (weight.width, (weight.width + 3) / 4, (weight.rows + 15) / 16)
        var packed = [Int8](repeating: 0, count: panels * groups * 64)
        var sums = [Int32](repeating: 0, count: weight.rows)
        for output in 0..<weight.rows {
            let panel = output / 16 * groups * 64 + output % 16 * 4
            for input in 0..<depth {
                let level = weight.levels[output * depth + input]
                packed[panel + input / 4 * 64 + input % 4] = level
                sums[output] += Int32(level)
            }
        }
        self.packed = packed
        self.sums = sums
        pairsFit = stride(from: 0, to: packed.count, by: 2).allSatisfy {
            Int(packed[$0].magnitude) + Int(packed[$0 + 1].magnitude) <= 128
        }
    }

    /// x · Wᵀ + b of x: [N, I] → [N, O], computed from the integers.
    ///
    /// - Parameter residual: [N, O], added to the result.
    public func multiply(_ x: UInt8Activations, adding residual: Tensor? = nil) -> Tensor {
        precondition(
            residual.map { $0.rows == x.rows && $0.width == self.width } ?? true,
            "PackedInt8Weight.multiply: residual of \(residual?.shape ?? []) for \(x.rows) rows")
        let width = width
        var y = Tensor(uninitialized: [x.rows, width])
        let results = y.mutablePointer
        let added = residual?.pointer
        forEachPart(of: x) { rows, columns, multiply in
            let first = rows.lowerBound * width + columns.lowerBound
            multiply(rows, columns, added.map { $0 + first }, results + first, width)
        }
        return withExtendedLifetime(residual) { y }
    }

    /// f(x · Wᵀ + b) on a fixed grid: what the next product reads, made without a whole float matrix between them.
    public func multiply(
        _ x: UInt8Activations, _ activation: Activation, onto grid: UInt8Quantization
    ) -> UInt8Activations {
        let width = width
        return UInt8Activations(rows: x.rows, width: width, grid) { levels, stride in
            forEachPart(of: x) { rows, columns, multiply in
                var scratch = Tensor(
                    uninitialized: [min(rows.count, Self.block.rows), min(columns.count, Self.block.columns)])
                let values = scratch.mutablePointer
                forEachBlock(rows, Self.block.rows) { rows in
                    forEachBlock(columns, Self.block.columns) { columns in
                        multiply(rows, columns, nil, values, columns.count)
                        Profile.measure(.activations) {
                            activation.apply(values, values, rows.count * columns.count)
                        }
                        for (index, row) in rows.enumerated() {
                            kernels.quantize_u8(
                                values + index * columns.count, levels + row * stride + columns.lowerBound,
                                columns.count, grid.scale, Float(grid.zeroPoint))
                        }
                    }
                }
                withExtendedLifetime(scratch) {}
            }
        }
    }

    /// Writes x · Wᵀ + b for some rows and columns, which begin with a panel, and a residual added to them, to a place. Both
    /// have the same stride.
    private typealias BlockProduct = (
        _ rows: Range<Int>, _ columns: Range<Int>, _ residual: UnsafePointer<Float>?, UnsafeMutablePointer<Float>,
        _ stride: Int
    ) -> Void

    /// Calls `body` for parts that cover the result, on several threads: its rows, or the columns of a few rows. Inside of a
    /// parallel region the whole is one part, so that the weight is read once.
    private func forEachPart(
        of x: UInt8Activations, _ body: (_ rows: Range<Int>, _ columns: Range<Int>, BlockProduct) -> Void
    ) {
        precondition(x.width == depth, "PackedInt8Weight.multiply: input of width \(x.width) for \(depth)")
        let isShared = x.scales.count == 1
        let (zeroPoint, depth, groups, stride) = (Int32(x.zeroPoint), depth, (depth + 3) / 4, x.stride)
        let pairsFit = pairsFit
        // Pointers: arrays that threads share would be retained by every one of them.
        withPointers(sums, scales, bias, x.scales, x.levels, packed) {
            sums, factors, bias, rowScales, levels, weight in
            let multiply: BlockProduct = { rows, columns, residual, results, resultStride in
                let first = columns.lowerBound
                var dequantization = retort_dequantization(
                    zero: zeroPoint, weight_sums: sums + first, factors: factors + first, bias: bias + first,
                    pairs_fit: pairsFit ? 1 : 0)
                Profile.measure(.gemm) {
                    kernels.linear_u8s8(
                        levels + rows.lowerBound * stride, stride, weight + first * groups * 4, &dequantization,
                        rowScales + (isShared ? 0 : rows.lowerBound), isShared ? 0 : 1, residual, results,
                        resultStride, rows.count, depth, columns.count)
                }
            }
            if Threads.inRegion != nil {
                body(0..<x.rows, 0..<width, multiply)
            } else if x.rows >= Self.fewRows * Threads.count {
                let grain = max(Self.fewRows, Self.leastWork / max(1, depth * width))
                Threads.forEachChunk(of: x.rows, grain: grain) { body($0, 0..<width, multiply) }
            } else {
                let columns = Self.block.columns / 2
                let grain = Self.leastWork / max(1, x.rows * depth * columns)
                Threads.forEachChunk(of: (width + columns - 1) / columns, grain: grain) { part in
                    body(0..<x.rows, part.lowerBound * columns..<min(part.upperBound * columns, width), multiply)
                }
            }
        }
    }

    /// Below so many rows for each thread the threads share columns: each reads its part of the weight.
    private static let fewRows = 32
    /// Products that are worth a second thread, some microseconds of work.
    private static let leastWork = 250_000
}

/// Calls `body` for the parts of a range, of `size` each but the last.
private func forEachBlock(_ range: Range<Int>, _ size: Int, _ body: (Range<Int>) -> Void) {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: size) {
        body(start..<min(start + size, range.upperBound))
    }
}

/// Six arrays' memory at once.
private func withPointers<A, B, C, D, E, F>(
    _ a: [A], _ b: [B], _ c: [C], _ d: [D], _ e: [E], _ f: [F],
    _ body: (
        UnsafePointer<A>, UnsafePointer<B>, UnsafePointer<C>, UnsafePointer<D>, UnsafePointer<E>, UnsafePointer<F>
    ) -> Void
) {
    body(a, b, c, d, e, f)
}
