import CKernels
public import Foundation

/// A matrix in a file's own bytes: [O, I]: in halves, or in blocks of 32 levels with a scale each (ggml's formats).
///
/// A product expands a few rows at a time, in the cache: results are those of the float32 matrix that the file stands for,
/// and only the file's bytes pass memory.
public struct StoredProjection: Projection {
    /// How weights are held.
    public enum Format: Sendable, CaseIterable {
        /// d in half precision, then 32 signed bytes: w = d · level.
        case q80
        /// d, then 16 bytes with the levels −8…7 as 0…15, the first 16 in the low halves.
        case q40
        /// d and m, then 16 bytes with the levels 0…15: w = d · level + m.
        case q41
        /// IEEE halves.
        case float16
        /// The upper halves of float32.
        case bfloat16

        /// Weights of a block.
        public var blockWidth: Int {
            switch self {
            case .q80, .q40, .q41: 32
            case .float16, .bfloat16: 1
            }
        }

        /// Bytes of a block.
        public var blockBytes: Int {
            switch self {
            case .q80: 34
            case .q40: 18
            case .q41: 20
            case .float16, .bfloat16: 2
            }
        }

        /// (rows, how many, their blocks of 32 weights, x, y)
        fileprivate typealias Product =
            @convention(c) (
                UnsafePointer<UInt8>?, Int, Int, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?
            ) -> Void

        /// A product of rows with one vector, without expanding the rows first.
        fileprivate var product: Product {
            switch self {
            case .q80: kernels.multiply_q8_0
            case .q40: kernels.multiply_q4_0
            case .q41: kernels.multiply_q4_1
            case .float16: kernels.multiply_float16
            case .bfloat16: kernels.multiply_bfloat16
            }
        }

        /// `blocks` blocks as float32.
        fileprivate func expand(_ bytes: UnsafePointer<UInt8>, _ blocks: Int, _ y: UnsafeMutablePointer<Float>) {
            switch self {
            case .q80: kernels.expand_q8_0(bytes, blocks, y)
            case .q40: kernels.expand_q4_0(bytes, blocks, y)
            case .q41: kernels.expand_q4_1(bytes, blocks, y)
            case .float16: kernels.expand_float16(bytes, blocks, y)
            case .bfloat16: kernels.expand_bfloat16(bytes, blocks, y)
            }
        }
    }

    /// Rows that are expanded at a time.
    private static let rowsAtOnce = 8

    public let outputs: Int
    public let inputs: Int
    private let format: Format
    private let bytes: Data
    /// The stored row of each output, where the file's order is another one.
    private let order: [Int32]?

    /// - Parameters:
    ///   - bytes: the blocks, row by row; a slice of a mapped file stays mapped.
    ///   - order: a permutation: the stored row of each output.
    public init(_ format: Format, outputs: Int, inputs: Int, bytes: Data, order: [Int32]? = nil) {
        precondition(
            inputs % format.blockWidth == 0
                && bytes.count == outputs * inputs / format.blockWidth * format.blockBytes,
            "StoredProjection: \(bytes.count) bytes for \(outputs) × \(inputs)")
        precondition(order.map { $0.count == outputs } ?? true, "StoredProjection: order of another length")
        self.format = format
        self.outputs = outputs
        self.inputs = inputs
        self.bytes = bytes
        self.order = order
    }

    public func multiply(_ x: Tensor, _ range: Range<Int>, into y: UnsafeMutablePointer<Float>) {
        let blocks = inputs / format.blockWidth
        bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
            func row(_ index: Int) -> UnsafePointer<UInt8> { start + index * blocks * format.blockBytes }
            if x.rows == 1, inputs % 32 == 0 {
                return format.product(row(range.lowerBound), range.count, inputs / 32, x.pointer, y + range.lowerBound)
            }
            withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.rowsAtOnce * inputs) { expanded in
                for first in stride(from: range.lowerBound, to: range.upperBound, by: Self.rowsAtOnce) {
                    let count = min(Self.rowsAtOnce, range.upperBound - first)
                    format.expand(row(first), count * blocks, expanded.baseAddress!)
                    kernels.multiply_rows(
                        expanded.baseAddress!, count, inputs, x.pointer, x.rows, y + first, outputs)
                }
            }
        }
    }

    public func ordered(_ y: Tensor) -> Tensor {
        guard let order else { return y }
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
        let blocks = inputs / format.blockWidth
        let stored = order.map { Int($0[index]) } ?? index
        bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
            let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
            format.expand(start + stored * blocks * format.blockBytes, blocks, destination)
        }
    }
}
