import Files
public import Foundation

/// A tensor as a file holds it: a type, a shape, and little-endian row-major bytes, in blocks along the rows where the
/// type is a block format.
///
/// `bytes` may be a slice of a mapped file, which stays mapped for as long as the slice lives. Hosts are little-endian.
public struct StoredTensor: Sendable, Equatable {
    public let type: ElementType
    public let shape: [Int]
    public let bytes: Data

    /// Takes bytes from outside.
    ///
    /// - Throws: `InputError` if `shape` is impossible or does not account for every byte.
    public init(type: ElementType, shape: [Int], bytes: Data) throws {
        guard let expected = type.byteCount(shape: shape) else { throw type.impossible(shape: shape) }
        guard expected == bytes.count else {
            throw InputError(
                problem: "the shape \(shape) of \(type.rawValue) needs \(expected) bytes, found \(bytes.count)")
        }
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }

    /// Number of elements.
    public var count: Int { bytes.count / type.size * type.elementsPerBlock }

    public static func float32(shape: [Int], _ values: [Float]) -> StoredTensor {
        StoredTensor(.float32, shape, values)
    }

    /// The bits of IEEE halves.
    public static func float16(shape: [Int], bits: [UInt16]) -> StoredTensor {
        StoredTensor(.float16, shape, bits)
    }

    /// The upper halves of float32.
    public static func bfloat16(shape: [Int], bits: [UInt16]) -> StoredTensor {
        StoredTensor(.bfloat16, shape, bits)
    }

    public static func int64(shape: [Int], _ values: [Int64]) -> StoredTensor {
        StoredTensor(.int64, shape, values)
    }

    public static func int32(shape: [Int], _ values: [Int32]) -> StoredTensor {
        StoredTensor(.int32, shape, values)
    }

    public static func int8(shape: [Int], _ values: [Int8]) -> StoredTensor {
        StoredTensor(.int8, shape, values)
    }

    public static func uint8(shape: [Int], _ values: [UInt8]) -> StoredTensor {
        StoredTensor(.uint8, shape, values)
    }

    private init<Element: BitwiseCopyable>(_ type: ElementType, _ shape: [Int], _ values: [Element]) {
        let bytes = values.withUnsafeBytes { Data($0) }
        precondition(
            type.byteCount(shape: shape) == bytes.count, "\(values.count) values do not fill the shape \(shape)")
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }
}

extension StoredTensor {
    /// The elements as Int64, converted from any integer type; BOOL gives 0 and 1.
    ///
    /// - Throws: `InputError` for floating point, and where a U64 lies outside Int64.
    public func int64() throws -> [Int64] {
        switch type {
        case .int64: return elements(Int64.self)
        case .int32: return elements(Int32.self) { Int64($0) }
        case .int16: return elements(Int16.self) { Int64($0) }
        case .int8: return elements(Int8.self) { Int64($0) }
        case .uint32: return elements(UInt32.self) { Int64($0) }
        case .uint16: return elements(UInt16.self) { Int64($0) }
        case .uint8: return elements(UInt8.self) { Int64($0) }
        case .bool: return elements(UInt8.self) { $0 == 0 ? 0 : 1 }
        case .uint64:
            let stored = elements(UInt64.self)
            if let index = stored.firstIndex(where: { $0 > UInt64(Int64.max) }) {
                throw InputError(problem: "element \(index) is \(stored[index]), beyond Int64")
            }
            return stored.map { Int64($0) }
        case .float64, .float32, .float16, .bfloat16, .q80, .q51, .q50, .q41, .q40, .q6K, .q4K:
            throw InputError(problem: "expected integers, found \(type.rawValue)")
        }
    }

    /// The elements of an I8 tensor.
    ///
    /// - Throws: `InputError` for any other type.
    public func int8() throws -> [Int8] {
        try require(.int8)
        return elements(Int8.self)
    }

    /// The elements of a U8 tensor.
    ///
    /// - Throws: `InputError` for any other type.
    public func uint8() throws -> [UInt8] {
        try require(.uint8)
        return elements(UInt8.self)
    }

    /// The elements of an I32 tensor.
    ///
    /// - Throws: `InputError` for any other type.
    public func int32() throws -> [Int32] {
        try require(.int32)
        return elements(Int32.self)
    }

    private func require(_ expected: ElementType) throws {
        guard type == expected else {
            throw InputError(problem: "expected \(expected.rawValue), found \(type.rawValue)")
        }
    }

    /// A slice of a file may start at any address, so the bytes are copied into aligned memory and never bound in place.
    private func elements<Element: BitwiseCopyable>(_: Element.Type) -> [Element] {
        Array(unsafeUninitializedCapacity: count) { buffer, initialized in
            bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
            initialized = count
        }
    }

    @inline(__always)
    private func elements<Stored: BitwiseCopyable, Element: BitwiseCopyable>(
        _: Stored.Type, _ convert: (Stored) -> Element
    ) -> [Element] {
        Array(unsafeUninitializedCapacity: count) { buffer, initialized in
            bytes.withUnsafeBytes { source in
                for index in 0..<count {
                    let stored = source.loadUnaligned(
                        fromByteOffset: index * MemoryLayout<Stored>.size, as: Stored.self)
                    buffer.initializeElement(at: index, to: convert(stored))
                }
            }
            initialized = count
        }
    }
}
