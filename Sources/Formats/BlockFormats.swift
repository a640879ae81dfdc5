// The block formats of 32 elements: little-endian blocks of a half scale d, in some a half minimum m, and 4, 5 or 8 bits
// per element. The first half of a block's elements lies in the low four bits of its bytes, the second in the high ones.
// Each product and sum is rounded to Float32 alone, as the reference does (dequantize_row_* in ggml-quants.c).

private let blockLength = 32

/// x = d·q, q of −128…127. A block: d, q₀…q₃₁.
func expandQ80(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
    for block in 0..<blocks {
        let (input, output) = (source + block &* 34, target + block &* blockLength)
        let d = scale(input)
        let q = (input + 2).assumingMemoryBound(to: Int8.self)
        for index in 0..<blockLength { output[index] = d * Float(q[index]) }
    }
}

/// x = d·(q − 8), q of 0…15. A block: d, 16 bytes.
func expandQ40(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
    for block in 0..<blocks {
        let (input, output) = (source + block &* 18, target + block &* blockLength)
        let d = scale(input)
        let q = (input + 2).assumingMemoryBound(to: UInt8.self)
        for index in 0..<16 {
            output[index] = d * Float(Int32(q[index] & 15) &- 8)
            output[index &+ 16] = d * Float(Int32(q[index] >> 4) &- 8)
        }
    }
}

/// x = d·q + m, q of 0…15. A block: d, m, 16 bytes.
func expandQ41(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
    for block in 0..<blocks {
        let (input, output) = (source + block &* 20, target + block &* blockLength)
        let (d, m) = (scale(input), scale(input + 2))
        let q = (input + 4).assumingMemoryBound(to: UInt8.self)
        for index in 0..<16 {
            output[index] = d * Float(q[index] & 15) + m
            output[index &+ 16] = d * Float(q[index] >> 4) + m
        }
    }
}

/// x = d·(q − 16), q of 0…31. A block: d, the elements' fifth bits in 4 bytes, 16 bytes.
func expandQ50(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
    for block in 0..<blocks {
        let (input, output) = (source + block &* 22, target + block &* blockLength)
        let d = scale(input)
        let fifth = input.loadUnaligned(fromByteOffset: 2, as: UInt32.self)
        let q = (input + 6).assumingMemoryBound(to: UInt8.self)
        for index in 0..<16 {
            let (low, high) = fifthBits(fifth, index)
            output[index] = d * Float((Int32(q[index] & 15) | low) &- 16)
            output[index &+ 16] = d * Float((Int32(q[index] >> 4) | high) &- 16)
        }
    }
}

/// x = d·q + m, q of 0…31. A block: d, m, the elements' fifth bits in 4 bytes, 16 bytes.
func expandQ51(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
    for block in 0..<blocks {
        let (input, output) = (source + block &* 24, target + block &* blockLength)
        let (d, m) = (scale(input), scale(input + 2))
        let fifth = input.loadUnaligned(fromByteOffset: 4, as: UInt32.self)
        let q = (input + 8).assumingMemoryBound(to: UInt8.self)
        for index in 0..<16 {
            let (low, high) = fifthBits(fifth, index)
            output[index] = d * Float(Int32(q[index] & 15) | low) + m
            output[index &+ 16] = d * Float(Int32(q[index] >> 4) | high) + m
        }
    }
}

/// What the elements `index` and `index + 16` have in their fifth bit: 0 or 16.
@inline(__always)
private func fifthBits(_ bits: UInt32, _ index: Int) -> (low: Int32, high: Int32) {
    let shifted = bits &>> UInt32(truncatingIfNeeded: index)
    return (Int32(shifted & 1) << 4, Int32(shifted &>> 16 & 1) << 4)
}

@inline(__always)
func scale(_ source: UnsafeRawPointer) -> Float {
    float(half: source.loadUnaligned(as: UInt16.self))
}
