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

    /// Quantizes x: [N, C] on a fixed grid.
    public init(_ x: Tensor, _ quantization: UInt8Quantization) {
        self.init(x, scales: [quantization.scale], zeroPoint: quantization.zeroPoint)
    }

    /// Quantizes each row of x: [N, C] on a symmetric grid of its own, s = max|row| / 127, as `Int8Matrix` does; the
    /// levels stand 128 higher.
    public init(perRow x: Tensor) {
        self.init(x, scales: Int8Matrix.scales(of: x), zeroPoint: 128)
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

    /// So many inputs cannot make a sum exceed 255 · 128 · 2¹⁶ < 2³¹.
    public static let maximumDepth = 1 << 16

    /// Rows of the activations whose int32 sums are kept at a time; they fit the second-level cache.
    private static let blockRows = 32

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
    }

    /// x · Wᵀ + b of x: [N, I] → [N, O], computed from the integers.
    ///
    /// - Parameter residual: [N, O], added to the result while it is in the cache.
    public func multiply(_ x: UInt8Activations, adding residual: Tensor? = nil) -> Tensor {
        precondition(
            residual.map { $0.rows == x.rows && $0.width == self.width } ?? true,
            "PackedInt8Weight.multiply: residual of \(residual?.shape ?? []) for \(x.rows) rows")
        let width = width
        var y = Tensor(uninitialized: [x.rows, width])
        nonisolated(unsafe) let results = y.mutablePointer
        nonisolated(unsafe) let added = residual?.pointer
        forEachRow(of: x) { row, _, dequantize in
            let result = results + row * width
            dequantize(result)
            if let added { kernels.add(result, added + row * width, result, width) }
        }
        return withExtendedLifetime(residual) { y }
    }

    /// f(x · Wᵀ + b) on a fixed grid: what the next product reads, made row by row without a float matrix between them.
    public func multiply(
        _ x: UInt8Activations, _ activation: Activation, onto grid: UInt8Quantization
    ) -> UInt8Activations {
        let width = width
        return UInt8Activations(rows: x.rows, width: width, grid) { levels, stride in
            nonisolated(unsafe) let levels = levels
            forEachRow(of: x) { row, scratch, dequantize in
                dequantize(scratch)
                activation.apply(scratch, scratch, width)
                kernels.quantize_u8(scratch, levels + row * stride, width, grid.scale, Float(grid.zeroPoint))
            }
        }
    }

    /// What is done with a row: its number, room for one row of floats, and what writes the row's result to a place.
    private typealias RowBody = (
        _ row: Int, _ scratch: UnsafeMutablePointer<Float>, _ dequantize: (UnsafeMutablePointer<Float>) -> Void
    ) -> Void

    /// Calls `body` for every row, on several threads.
    private func forEachRow(of x: UInt8Activations, _ body: RowBody) {
        precondition(x.width == depth, "PackedInt8Weight.multiply: input of width \(x.width) for \(depth)")
        let zeroPoint = Int32(x.zeroPoint)
        // One scale for all rows is multiplied in once.
        let isShared = x.scales.count == 1
        forEachRow(
            x.levels, rows: x.rows, stride: x.stride, weight: packed, offsets: sums.map { $0 * zeroPoint },
            factors: isShared ? scales.map { $0 * x.scales[0] } : scales, rowScales: x.scales, isShared: isShared,
            bias: bias, body)
    }

    /// Takes pointers: arrays that threads share would be retained by every one of them for every row.
    private func forEachRow(
        _ levels: UnsafePointer<UInt8>, rows: Int, stride: Int, weight: UnsafePointer<Int8>,
        offsets: UnsafePointer<Int32>, factors: UnsafePointer<Float>, rowScales: UnsafePointer<Float>, isShared: Bool,
        bias: UnsafePointer<Float>, _ body: RowBody
    ) {
        let (depth, width) = (depth, width)
        // Below about 30 µs of work a second thread costs more than it brings.
        let grain = max(1, 4_000_000 / max(1, depth * width))
        Threads.forEachChunk(of: rows, grain: grain) { range in
            let sums = UnsafeMutablePointer<Int32>.allocate(capacity: Self.blockRows * width)
            let scratch = UnsafeMutablePointer<Float>.allocate(capacity: width)
            defer {
                sums.deallocate()
                scratch.deallocate()
            }
            for start in Swift.stride(from: range.lowerBound, to: range.upperBound, by: Self.blockRows) {
                let count = min(Self.blockRows, range.upperBound - start)
                kernels.multiply_u8s8(levels + start * stride, stride, weight, sums, width, count, depth, width)
                for row in 0..<count {
                    body(start + row, scratch) { result in
                        kernels.dequantize_i32(
                            sums + row * width, offsets, factors, isShared ? 1 : rowScales[start + row], bias, result,
                            width)
                    }
                }
            }
        }
    }
}
