import Files
import Foundation

extension StoredTensor {
    /// The elements as Float32, converted from any number type; integers above 2²⁴ are rounded, block formats are
    /// multiplied out.
    ///
    /// - Throws: `InputError` for BOOL, and where a finite F64 lies outside Float32.
    public func float32() throws -> [Float] {
        try float32(elements: 0..<count)
    }

    /// As `float32()`, but writes to `target`, which has room for exactly `count` elements.
    public func float32(into target: UnsafeMutableBufferPointer<Float>) throws {
        precondition(target.count == count, "\(target.count) places for the \(count) elements of \(shape)")
        try convert(0..<count, into: target)
    }

    /// As `float32()`, of some rows of a tensor [R, C] alone.
    ///
    /// - Returns: [rows, C].
    public func float32(rows: Range<Int>) throws -> [Float] {
        try float32(elements: elements(of: rows))
    }

    /// As `float32(rows:)`, but writes to `target`, which has room for exactly those rows.
    public func float32(rows: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) throws {
        let range = elements(of: rows)
        precondition(target.count == range.count, "\(target.count) places for the rows \(rows) of \(shape)")
        try convert(range, into: target)
    }

    /// Whether the elements are floating-point numbers of 16 or 32 bits, which `copyFloats` takes over one by one.
    public var holdsFloats: Bool {
        type == .float32 || type == .float16 || type == .bfloat16
    }

    /// Writes the elements of `range` as Float32 to the memory at `destination`, without an array in between.
    ///
    /// The tensor must hold floats (`holdsFloats`), and `range` lie within its elements.
    public func copyFloats(_ range: Range<Int>, to destination: UnsafeMutablePointer<Float>) {
        precondition(
            holdsFloats && range.lowerBound >= 0 && range.upperBound <= count, "copyFloats: \(range) of \(type)")
        bytes.withUnsafeBytes { source in
            guard let first = source.baseAddress else { return }
            let target = UnsafeMutableBufferPointer(start: destination, count: range.count)
            convertFloats(from: first + range.lowerBound * type.size, into: target)
        }
    }

    private func elements(of rows: Range<Int>) -> Range<Int> {
        precondition(shape.count == 2, "rows of the shape \(shape), expected two extents")
        precondition(rows.lowerBound >= 0 && rows.upperBound <= shape[0], "the rows \(rows) of the shape \(shape)")
        return rows.lowerBound * shape[1]..<rows.upperBound * shape[1]
    }

    private func float32(elements range: Range<Int>) throws -> [Float] {
        try [Float](unsafeUninitializedCapacity: range.count) { buffer, initialized in
            try convert(range, into: UnsafeMutableBufferPointer(rebasing: buffer[..<range.count]))
            initialized = range.count
        }
    }

    /// Converts the elements of `range`, which begins and ends between blocks.
    private func convert(_ range: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) throws {
        let blocks = range.lowerBound / type.elementsPerBlock..<range.upperBound / type.elementsPerBlock
        try bytes.withUnsafeBytes { source in
            guard let first = source.baseAddress, let output = target.baseAddress else { return }
            let start = first + blocks.lowerBound * type.size
            switch type {
            case .float32, .float16, .bfloat16: convertFloats(from: start, into: target)
            case .float64: try narrow(start, target, firstIndex: range.lowerBound)
            case .int64: convert(Int64.self, start, target) { Float($0) }
            case .int32: convert(Int32.self, start, target) { Float($0) }
            case .int16: convert(Int16.self, start, target) { Float($0) }
            case .int8: convert(Int8.self, start, target) { Float($0) }
            case .uint64: convert(UInt64.self, start, target) { Float($0) }
            case .uint32: convert(UInt32.self, start, target) { Float($0) }
            case .uint16: convert(UInt16.self, start, target) { Float($0) }
            case .uint8: convert(UInt8.self, start, target) { Float($0) }
            case .bool: throw InputError(problem: "expected numbers, found BOOL")
            case .q80: expandQ80(start, blocks.count, output)
            case .q51: expandQ51(start, blocks.count, output)
            case .q50: expandQ50(start, blocks.count, output)
            case .q41: expandQ41(start, blocks.count, output)
            case .q40: expandQ40(start, blocks.count, output)
            case .q6K: expandQ6K(start, blocks.count, output)
            case .q4K: expandQ4K(start, blocks.count, output)
            }
        }
    }

    /// Of a tensor that `holdsFloats`.
    private func convertFloats(from start: UnsafeRawPointer, into target: UnsafeMutableBufferPointer<Float>) {
        switch type {
        case .float16: convert(UInt16.self, start, target) { float(half: $0) }
        case .bfloat16: convert(UInt16.self, start, target) { Float(bitPattern: UInt32($0) << 16) }
        default:
            UnsafeMutableRawBufferPointer(target).copyMemory(
                from: UnsafeRawBufferPointer(start: start, count: target.count * type.size))
        }
    }

    /// A slice of a file may start at any address, so elements are loaded unaligned.
    @inline(__always)
    private func convert<Stored: BitwiseCopyable>(
        _: Stored.Type, _ start: UnsafeRawPointer, _ target: UnsafeMutableBufferPointer<Float>,
        _ float: (Stored) -> Float
    ) {
        guard let output = target.baseAddress else { return }
        for index in 0..<target.count {
            output[index] = float(
                start.loadUnaligned(fromByteOffset: index &* MemoryLayout<Stored>.size, as: Stored.self))
        }
    }

    private func narrow(
        _ start: UnsafeRawPointer, _ target: UnsafeMutableBufferPointer<Float>, firstIndex: Int
    ) throws {
        for index in target.indices {
            let stored = start.loadUnaligned(fromByteOffset: index * MemoryLayout<Double>.size, as: Double.self)
            let narrow = Float(stored)
            guard narrow.isFinite || !stored.isFinite else {
                throw InputError(problem: "element \(firstIndex + index) is \(stored), beyond Float32")
            }
            target[index] = narrow
        }
    }
}

/// The value of an IEEE half, exactly, in integer and float operations that every processor has as vectors.
///
/// Bits 0–14 moved to where Float32 has them leave the exponent 112 too small. A half without exponent is worth its
/// fraction times 2⁻²⁴: the difference of two numbers whose exponent is that of 2⁻¹⁴.
@inline(__always)
func float(half bits: UInt16) -> Float {
    let magnitude = UInt32(bits & 0x7FFF) << 13
    let sign = UInt32(bits & 0x8000) << 16
    let normal = magnitude &+ 112 << 23
    let special = magnitude &+ 224 << 23
    let small = Float(bitPattern: magnitude &+ 113 << 23) - Float(bitPattern: 113 << 23)
    let finite = magnitude < 1 << 23 ? small.bitPattern : normal
    return Float(bitPattern: sign | (magnitude < 31 << 23 ? finite : special))
}
