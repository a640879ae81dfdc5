import CKernels

/// A matrix in symmetric int8 with one scale per row: row i stands for `levels[i, :] · scales[i]`.
///
/// levels: [R, C], scales: [R]. A row's scale is max|row| / 127 and its levels are round(row / scale), half to even, in
/// −127…127; a row of zeros has scale 1. Used for weights, whose rows are output channels, and for embedding tables.
public struct Int8Matrix: Sendable, Equatable {
    public let rows: Int
    public let width: Int
    /// Row-major: [R, C].
    public let levels: [Int8]
    public let scales: [Float]

    /// The largest level; −128 is left out so that the grid is symmetric.
    static let limit: Float = 127

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
    public init(quantizing x: Tensor) {
        let (rows, width) = (x.rows, x.width)
        let scales = Self.scales(of: x)
        let rounded = RowFakeQuantization(scales: scales).forward(x)
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
    public var dequantized: Tensor {
        var y = Tensor(uninitialized: [rows, width])
        let destination = y.mutablePointer
        levels.withUnsafeBufferPointer { levels in
            for row in 0..<rows {
                let scale = scales[row]
                for index in row * width..<(row + 1) * width { destination[index] = Float(levels[index]) * scale }
            }
        }
        return y
    }

    /// max|row| / 127 of each row of x: [R, C] → [R]; 1 for a row of zeros.
    static func scales(of x: Tensor) -> [Float] {
        let width = x.width
        return (0..<x.rows).map { row in
            var largest: Float = 0
            for index in row * width..<(row + 1) * width { largest = max(largest, abs(x.pointer[index])) }
            let scale = largest / limit
            // A scale that underflows to a subnormal would round to infinite levels.
            return scale < .leastNormalMagnitude ? 1 : scale
        }
    }
}
