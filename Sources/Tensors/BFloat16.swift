/// bfloat16 as a storage format: the upper half of a float32, rounded to nearest even; NaN stays NaN.
public enum BFloat16 {
    public static func encode(_ values: [Float]) -> [UInt16] {
        values.map { value in
            let bits = value.bitPattern
            let isNaN = bits & 0x7FFF_FFFF > 0x7F80_0000
            let rounded = (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16
            return UInt16(truncatingIfNeeded: isNaN ? bits >> 16 | 0x40 : rounded)
        }
    }

    public static func decode(_ bits: [UInt16]) -> [Float] {
        bits.map { Float(bitPattern: UInt32($0) << 16) }
    }
}
