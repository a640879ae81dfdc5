import CKernels
public import Foundation

/// A weight matrix W: [O, I] as a running model uses it, whatever its form: y = x · Wᵀ for few rows of x at a time.
///
/// Rows of a result do not depend on the other rows, so that a text gives the same numbers in one pass or token by token.
public protocol Projection: Sendable {
    /// Rows of the matrix (O).
    var outputs: Int { get }
    /// Columns of the matrix (I).
    var inputs: Int { get }
    /// x: [N, I] → [N, O].
    func multiply(_ x: Tensor) -> Tensor
    /// Row `index`, as of an embedding table: [I].
    func copyRow(_ index: Int, to destination: UnsafeMutablePointer<Float>)
}

/// A float32 matrix: [O, I].
public struct FloatProjection: Projection {
    private let weight: Tensor

    public init(_ weight: Tensor) {
        precondition(weight.shape.count == 2, "FloatProjection: \(weight.shape)")
        self.weight = weight
    }

    public var outputs: Int { weight.shape[0] }
    public var inputs: Int { weight.shape[1] }

    public func multiply(_ x: Tensor) -> Tensor {
        precondition(x.width == inputs, "FloatProjection: \(x.shape) for \(weight.shape)")
        var y = Tensor(uninitialized: [x.rows, outputs])
        let destination = y.mutablePointer
        Threads.forEachChunk(of: outputs, grain: max(1, (1 << 14) / max(inputs, 1))) { range in
            kernels.multiply_rows(
                weight.pointer + range.lowerBound * inputs, range.count, inputs, x.pointer, x.rows,
                destination + range.lowerBound, outputs)
        }
        return y
    }

    public func copyRow(_ index: Int, to destination: UnsafeMutablePointer<Float>) {
        destination.update(from: weight.pointer + index * inputs, count: inputs)
    }
}

/// A matrix in blocks of 32 levels with a scale each, in a file's own bytes (ggml's formats): [O, I].
///
/// As ggml does, a product first rounds x to signed bytes, block by block, and then sums integers.
public struct BlockProjection: Projection {
    /// How a block of 32 weights is held. w = d · level, d in half precision.
    public enum Format: Sendable {
        /// d, then 32 signed bytes.
        case q80
        /// d, then 16 bytes with the levels −8…7 as 0…15, the first 16 in the low halves.
        case q40
        /// d and m, then 16 bytes with the levels 0…15: w = d · level + m.
        case q41

        /// Bytes of a block.
        public var blockBytes: Int {
            switch self {
            case .q80: 34
            case .q40: 18
            case .q41: 20
            }
        }
    }

    public static let blockWidth = 32

    public let outputs: Int
    public let inputs: Int
    private let format: Format
    private let bytes: Data
    /// The stored row of each output, where the file's order is another one.
    private let order: [Int32]?

    /// - Parameters:
    ///   - bytes: outputs · inputs / 32 blocks, row by row; a slice of a mapped file stays mapped.
    ///   - order: a permutation: the stored row of each output.
    public init(_ format: Format, outputs: Int, inputs: Int, bytes: Data, order: [Int32]? = nil) {
        precondition(
            inputs % Self.blockWidth == 0 && bytes.count == outputs * inputs / Self.blockWidth * format.blockBytes,
            "BlockProjection: \(bytes.count) bytes for \(outputs) × \(inputs)")
        precondition(order.map { $0.count == outputs } ?? true, "BlockProjection: order of another length")
        self.format = format
        self.outputs = outputs
        self.inputs = inputs
        self.bytes = bytes
        self.order = order
    }

    public func multiply(_ x: Tensor) -> Tensor {
        precondition(x.width == inputs, "BlockProjection: \(x.shape) for [\(outputs), \(inputs)]")
        let (rows, blocks) = (x.rows, inputs / Self.blockWidth)
        var y = Tensor(uninitialized: [rows, outputs])
        let destination = y.mutablePointer
        let multiply =
            switch format {
            case .q80: kernels.multiply_q8_0!
            case .q40: kernels.multiply_q4_0!
            case .q41: kernels.multiply_q4_1!
            }
        withUnsafeTemporaryAllocation(of: Int8.self, capacity: rows * inputs) { q in
            withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * rows * blocks) { scales in
                // Written here, then only read by the threads.
                nonisolated(unsafe) let (q, d) = (q.baseAddress!, scales.baseAddress!)
                let s = d + rows * blocks
                kernels.quantize_blocks(x.pointer, rows * blocks, q, d, s)
                bytes.withUnsafeBytes { bytes in
                    nonisolated(unsafe) let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
                    Threads.forEachChunk(of: outputs, grain: max(1, (1 << 15) / max(inputs, 1))) { range in
                        multiply(
                            start + range.lowerBound * blocks * format.blockBytes, range.count, blocks, q, d, s, rows,
                            destination + range.lowerBound, outputs)
                    }
                }
            }
        }
        return order.map { reordered(y, $0) } ?? y
    }

    private func reordered(_ y: Tensor, _ order: [Int32]) -> Tensor {
        var result = Tensor(uninitialized: y.shape)
        let (source, destination) = (y.pointer, result.mutablePointer)
        for row in 0..<y.rows {
            for (output, stored) in order.enumerated() {
                destination[row * outputs + output] = source[row * outputs + Int(stored)]
            }
        }
        return result
    }

    public func copyRow(_ index: Int, to destination: UnsafeMutablePointer<Float>) {
        let size = format.blockBytes
        let blocks = inputs / Self.blockWidth
        let stored = order.map { Int($0[index]) } ?? index
        bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            for block in 0..<blocks {
                let start = (stored * blocks + block) * size
                func half(_ offset: Int) -> Float {
                    Float(Float16(bitPattern: bytes.loadUnaligned(fromByteOffset: start + offset, as: UInt16.self)))
                }
                let (d, target) = (half(0), destination + block * Self.blockWidth)
                switch format {
                case .q80:
                    for i in 0..<32 { target[i] = d * Float(Int8(bitPattern: bytes[start + 2 + i])) }
                case .q40:
                    for i in 0..<16 {
                        let byte = bytes[start + 2 + i]
                        target[i] = d * (Float(byte & 15) - 8)
                        target[16 + i] = d * (Float(byte >> 4) - 8)
                    }
                case .q41:
                    let m = half(2)
                    for i in 0..<16 {
                        let byte = bytes[start + 4 + i]
                        target[i] = d * Float(byte & 15) + m
                        target[16 + i] = d * Float(byte >> 4) + m
                    }
                }
            }
        }
    }
}
