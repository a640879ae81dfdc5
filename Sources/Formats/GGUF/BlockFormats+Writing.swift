import Foundation

extension StoredTensor {
    /// Values in the block format Q8_0 or Q4_0, as the reference writes them (`quantize_row_*_ref` in ggml-quants.c).
    ///
    /// Values whose scale is too small for a half become 0, as they do when the block is read.
    ///
    /// - Parameters:
    ///   - shape: its last extent is a multiple of 32.
    ///   - values: finite.
    public static func blocks(_ type: ElementType, shape: [Int], _ values: [Float]) -> StoredTensor {
        precondition(
            type == .q80 || type == .q40, "\(type.rawValue) is not written")
        precondition(
            shape.reduce(1, *) == values.count && (shape.last ?? 0).isMultiple(of: 32),
            "\(values.count) values do not fill \(shape) in blocks of 32")
        var bytes = Data(count: values.count / 32 * type.size)
        bytes.withUnsafeMutableBytes { target in
            values.withUnsafeBufferPointer { values in
                for block in 0..<values.count / 32 {
                    let source = UnsafeBufferPointer(rebasing: values[block * 32..<block * 32 + 32])
                    let place = UnsafeMutableRawBufferPointer(
                        rebasing: target[block * type.size..<(block + 1) * type.size])
                    if type == .q80 { packQ80(source, place) } else { packQ40(source, place) }
                }
            }
        }
        guard let tensor = try? StoredTensor(type: type, shape: shape, bytes: bytes) else {
            preconditionFailure("blocks of \(type.rawValue) do not fill \(shape)")
        }
        return tensor
    }
}

/// 0 where d is so small that its inverse would be infinite.
private func inverse(of d: Float) -> Float { (1 / d).isFinite ? 1 / d : 0 }

/// q = round(x / d), d = max|x| / 127; halves away from zero.
private func packQ80(_ x: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawBufferPointer) {
    let d = x.reduce(0) { max($0, abs($1)) } / 127
    let inverse = inverse(of: d)
    target.storeBytes(of: half(d), as: UInt16.self)
    for index in 0..<32 { target[2 + index] = UInt8(bitPattern: Int8((x[index] * inverse).rounded())) }
}

/// q = ⌊x / d + 8.5⌋ in 0…15, d = x_m / −8 for the x_m of the largest magnitude.
private func packQ40(_ x: UnsafeBufferPointer<Float>, _ target: UnsafeMutableRawBufferPointer) {
    var largest: Float = 0
    for value in x where abs(value) > abs(largest) { largest = value }
    let d = largest / -8
    let inverse = inverse(of: d)
    target.storeBytes(of: half(d), as: UInt16.self)
    func level(_ value: Float) -> UInt8 { UInt8(min(15, max(0, value * inverse + 8.5))) }
    for index in 0..<16 { target[2 + index] = level(x[index]) | level(x[index + 16]) << 4 }
}

/// The nearest IEEE half, ties to even; what is too large becomes infinite.
func half(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
    let magnitude = bits & 0x7FFF_FFFF
    if magnitude >= 0x4780_0000 {
        return sign | (magnitude > 0x7F80_0000 ? 0x7E00 : 0x7C00)
    }
    // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴; above, the exponent moves by 112 and 13 bits of the fraction go.
    if magnitude < 0x3880_0000 {
        let scaled = (value.magnitude * 0x1p24).rounded(.toNearestOrEven)
        return sign | UInt16(scaled)
    }
    let rounded = magnitude + 0xFFF + (magnitude >> 13 & 1)
    return sign | UInt16(truncatingIfNeeded: (rounded - 0x3800_0000) >> 13)
}
