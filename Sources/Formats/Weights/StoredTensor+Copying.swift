import Foundation

extension StoredTensor {
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
            func element<Bits: BitwiseCopyable>(_ index: Int, _: Bits.Type) -> Bits {
                source.loadUnaligned(fromByteOffset: index * MemoryLayout<Bits>.size, as: Bits.self)
            }
            switch type {
            case .float16:
                for (place, index) in range.enumerated() {
                    destination[place] = Float(Float16(bitPattern: element(index, UInt16.self)))
                }
            case .bfloat16:
                for (place, index) in range.enumerated() {
                    destination[place] = Float(bitPattern: UInt32(element(index, UInt16.self)) << 16)
                }
            default:
                let part = UnsafeRawBufferPointer(rebasing: source[4 * range.lowerBound..<4 * range.upperBound])
                UnsafeMutableRawBufferPointer(start: destination, count: part.count).copyMemory(from: part)
            }
        }
    }
}
