import CKernels

/// A matrix in symmetric int8 with one scale per row: row i stands for `levels[i, :] · scales[i]`.
///
/// levels: [R, C], scales: [R]. A row's scale is max|row| / 127 and its levels are round(row / scale), half to even, in
/// −127…127; a row of zeros has scale 1. With 7 bits it is 63 instead of 127: then two products of a weight with an
/// unsigned byte fit int16, which processors without VNNI add them in. Used for weights, whose rows are output channels,
/// and for embedding tables.
public struct Int8Matrix: Sendable, Equatable {
    public let rows: Int
    public let width: Int
    /// Row-major: [R, C].
    public let levels: [Int8]
    public let scales: [Float]

    /// The largest level; the lowest one of two's complement is left out so that the grid is symmetric.
    static func limit(bits: Int) -> Float {
        precondition((2...8).contains(bits), "Int8Matrix: \(bits) bits")
        return Float(1 << (bits - 1) - 1)
    }

    public init(rows: Int, width: Int, levels: [Int8], scales: [Float]) {
        precondition(
            levels.count == rows * width && scales.count == rows,
            "Int8Matrix: \(levels.count) levels and \(scales.count) scales for \(rows) × \(width)")
        self.rows = rows
        self.width = width
        self.levels = levels
        self.scales = scales
    }

    /// Rounds x: [R, C] exactly as `Tape.fakeQuantizeRows` does.
    public init(quantizing x: Tensor, bits: Int = 8) {
        self.init(quantizing: x, scales: Self.scales(of: x, bits: bits), bits: bits)
    }

    /// Rounds x: [R, C] to grids of these scales: [R], cutting what lies beyond their ends.
    public init(quantizing x: Tensor, scales: [Float], bits: Int = 8) {
        let (rows, width) = (x.rows, x.width)
        precondition(scales.count == rows, "Int8Matrix: \(scales.count) scales for \(rows) rows")
        let rounded = RowFakeQuantization(scales: scales, limit: Self.limit(bits: bits)).forward(x)
        let levels = [Int8](unsafeUninitializedCapacity: x.count) { levels, count in
            for row in 0..<rows {
                // The rounded values are level · scale to within one rounding, so this finds the level again.
                let scale = scales[row]
                for index in row * width..<(row + 1) * width {
                    levels.initializeElement(at: index, to: Int8((rounded.pointer[index] / scale).rounded()))
                }
            }
            count = x.count
        }
        self.init(rows: rows, width: width, levels: levels, scales: scales)
    }

    /// levels · scale: [R, C].
    public var dequantized: Tensor { rows(0..<rows) }

    /// Some rows of levels · scale: [N] → [N, C]. Every index must be below R.
    public func rows(_ indices: some Collection<some BinaryInteger>) -> Tensor {
        precondition(
            indices.allSatisfy { $0 >= 0 && $0 < rows }, "Int8Matrix.rows: an index is outside of \(rows) rows")
        var y = Tensor(uninitialized: [indices.count, width])
        let destination = y.mutablePointer
        levels.withUnsafeBufferPointer { levels in
            guard let base = levels.baseAddress else { return }
            for (row, index) in indices.enumerated() {
                kernels.expand_int8(base + Int(index) * width, scales[Int(index)], destination + row * width, width)
            }
        }
        return y
    }

    /// max|row| / 127 of each row of x: [R, C] → [R]; 1 for a row of zeros, NaN for one with a NaN.
    public static func scales(of x: Tensor, bits: Int = 8) -> [Float] {
        let (rows, width, limit) = (x.rows, x.width, Self.limit(bits: bits))
        return [Float](unsafeUninitializedCapacity: rows) { scales, count in
            nonisolated(unsafe) let scales = scales
            Threads.forEachChunk(of: rows, grain: max(1, (1 << 16) / max(width, 1))) { range in
                for row in range {
                    let scale = kernels.largest_magnitude(x.pointer + row * width, width) / limit
                    // A scale that underflows to a subnormal would round to infinite levels.
                    scales.initializeElement(at: row, to: scale < .leastNormalMagnitude ? 1 : scale)
                }
            }
            count = rows
        }
    }
}
