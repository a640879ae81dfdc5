import Foundation

extension Reference {
    /// The value of a half-precision pattern (IEEE 754 binary16): sign, 5 bits of exponent, 10 bits of fraction.
    public static func halfToFloat(_ bits: UInt16) -> Double {
        let (exponent, fraction) = (Int(bits >> 10 & 31), Double(bits & 1023))
        let magnitude: Double
        switch exponent {
        case 0: magnitude = fraction * 0x1p-24
        case 31: magnitude = fraction == 0 ? .infinity : .nan
        default: magnitude = (1024 + fraction) * pow(2, Double(exponent - 25))
        }
        return bits >> 15 == 0 ? magnitude : -magnitude
    }

    /// The half-precision pattern nearest to x, half to even; 65520 and above become infinite, NaN a quiet NaN.
    public static func floatToHalf(_ x: Float) -> UInt16 {
        let sign: UInt16 = x.sign == .minus ? 0x8000 : 0
        let magnitude = Double(x.magnitude)
        if magnitude.isNaN { return sign | 0x7e00 }
        if magnitude >= 65520 { return sign | 0x7c00 }
        // The spacing of halves in x's binade; below 2⁻¹⁴ they are evenly spaced. A carry moves into the exponent.
        let exponent = magnitude < 0x1p-14 ? -14 : Int(magnitude.exponent)
        let steps = (magnitude * pow(2, Double(10 - exponent))).rounded(.toNearestOrEven)
        return sign | UInt16(Int(steps) + (exponent + 14) * 1024)
    }
}
