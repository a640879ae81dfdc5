// The block formats of 256 elements in runs of 16 or 32, each run with a small integer scale of its own. Each product and
// difference is rounded to Float32 alone, as the reference does (dequantize_row_* in ggml-quants.c).

private let blockLength = 256

/// x = (d·s)·q − (e·m), q of 0…15, per run of 32 a scale s and a minimum m of 0…63.
///
/// A block: d, e, 12 bytes with the scales and minima, 128 bytes with the elements: of two runs the first lies in the low
/// four bits of 32 bytes, the second in the high ones.
func expandQ4K(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
    for block in 0..<blocks {
        let input = source + block &* 144
        let (d, e) = (scale(input), scale(input + 2))
        let packed = (input + 4).assumingMemoryBound(to: UInt8.self)
        for pair in 0..<4 {
            let (first, second) = (scaleAndMinimum(packed, 2 &* pair), scaleAndMinimum(packed, 2 &* pair &+ 1))
            let (scale1, minimum1) = (d * first.scale, e * first.minimum)
            let (scale2, minimum2) = (d * second.scale, e * second.minimum)
            let q = (input + 16 + 32 &* pair).assumingMemoryBound(to: UInt8.self)
            let output = target + (block &* blockLength &+ 64 &* pair)
            for index in 0..<32 {
                output[index] = scale1 * Float(q[index] & 15) - minimum1
                output[index &+ 32] = scale2 * Float(q[index] >> 4) - minimum2
            }
        }
    }
}

/// Six bits each. Runs 0–3 have theirs in the low bits of bytes 0–3 (scales) and 4–7 (minima); runs 4–7 have four bits in
/// bytes 8–11 (scales low, minima high) and two in the high bits of the bytes 0–7.
@inline(__always)
private func scaleAndMinimum(_ packed: UnsafePointer<UInt8>, _ run: Int) -> (scale: Float, minimum: Float) {
    if run < 4 { return (Float(packed[run] & 63), Float(packed[run &+ 4] & 63)) }
    let low = packed[run &+ 4]
    return (Float(low & 15 | (packed[run &- 4] & 192) >> 2), Float(low >> 4 | (packed[run] & 192) >> 2))
}

/// x = (d·s)·(q − 32), q of 0…63, per run of 16 a scale s of −128…127.
///
/// A block: 128 bytes with the elements' low four bits, 64 with their high two, 16 scales, d. Each half of a block has
/// four groups of 32 elements; groups 0 and 1 lie in the low four bits of 64 bytes, 2 and 3 in the high ones, and the
/// high two bits of the four groups in those of 32 bytes.
func expandQ6K(_ source: UnsafeRawPointer, _ blocks: Int, _ target: UnsafeMutablePointer<Float>) {
    for block in 0..<blocks {
        let input = source + block &* 210
        let d = scale(input + 208)
        for run in 0..<16 {
            let (half, group, offset) = (run >> 3, run >> 1 & 3, run & 1)
            let low = (input + (64 &* half &+ 32 &* (group & 1) &+ 16 &* offset)).assumingMemoryBound(to: UInt8.self)
            let high = (input + (128 &+ 32 &* half &+ 16 &* offset)).assumingMemoryBound(to: UInt8.self)
            let (lowShift, highShift) = (UInt8(4 &* (group >> 1)), UInt8(2 &* group))
            let runScale = d * Float(input.load(fromByteOffset: 192 &+ run, as: Int8.self))
            let output = target + (block &* blockLength &+ 16 &* run)
            for index in 0..<16 {
                let q = low[index] &>> lowShift & 15 | (high[index] &>> highShift & 3) << 4
                output[index] = runScale * Float(Int32(q) &- 32)
            }
        }
    }
}
