import Foundation

extension Reference {
    /// The bfloat16 number nearest to x, half to even: 8 bits of precision in the range of Float.
    ///
    /// From 2¹²⁸ − 2¹¹⁹ on, the middle between the largest one and 2¹²⁸, it is infinite. NaN stays NaN.
    public static func bfloat16(_ x: Float) -> Double {
        guard x.isFinite else { return Double(x) }
        // The spacing of the numbers in x's binade; below 2⁻¹²⁶ they are evenly spaced.
        let spacing = pow(2, Double(max(Double(x).exponent, -126)) - 7)
        let nearest = x == 0 ? Double(x) : (Double(x) / spacing).rounded(.toNearestOrEven) * spacing
        return abs(nearest) < 0x1p128 ? nearest : nearest * .infinity
    }
}
