extension Reference {
    /// round(x / scale) + zero, before clamping; half goes to even.
    ///
    /// The quotient is rounded to single precision first, as the one division of the kernels (and of ONNX's
    /// QuantizeLinear) does: that decides on which side of a half it falls.
    public static func quantizedLevel(_ x: Float, scale: Float, zero: Float) -> Float {
        (x / scale).rounded(.toNearestOrEven) + zero
    }

    /// (clamp(round(x / scale) + zero, low, high) − zero) · scale. NaN stays NaN, ±∞ is clipped.
    public static func fakeQuantize(_ x: Float, scale: Float, zero: Float, low: Float, high: Float) -> Double {
        let level = quantizedLevel(x, scale: scale, zero: zero)
        if level.isNaN { return .nan }
        return Double(min(max(level, low), high) - zero) * Double(scale)
    }

    /// Whether the straight-through estimator lets the gradient of x pass: where it was not clipped. Not for NaN.
    public static func passesGradient(_ x: Float, scale: Float, zero: Float, low: Float, high: Float) -> Bool {
        let level = quantizedLevel(x, scale: scale, zero: zero)
        return level >= low && level <= high
    }

    /// clamp(round(x / scale) + zero, 0, 255); NaN gives 0.
    public static func quantizeU8(_ x: Float, scale: Float, zero: Float) -> UInt8 {
        let level = quantizedLevel(x, scale: scale, zero: zero)
        return level.isNaN ? 0 : UInt8(min(max(level, 0), 255))
    }

    /// c[i, j] = Σ_k a[i, k] · b[k, j], exactly. a: [N, K], b: [K, C] → [N, C].
    public static func multiplyU8S8(_ a: [UInt8], _ b: [Int8], rows: Int, depth: Int, width: Int) -> [Int32] {
        (0..<rows * width).map { index in
            let (i, j) = (index / width, index % width)
            return (0..<depth).reduce(Int32(0)) { $0 + Int32(a[i * depth + $1]) * Int32(b[$1 * width + j]) }
        }
    }

    /// (sum − offset) · (factor · scale) + bias, each operation rounded to single precision.
    public static func dequantize(_ sum: Int32, offset: Int32, factor: Float, scale: Float, bias: Float) -> Float {
        let product = Float(sum - offset) * (factor * scale)
        return product + bias
    }

    /// b: [K, C] as the kernels read it: [⌈C/16⌉][⌈K/4⌉][16][4], zeros where it is padded.
    public static func packS8(_ b: [Int8], depth: Int, width: Int) -> [Int8] {
        let (groups, panels) = ((depth + 3) / 4, (width + 15) / 16)
        return (0..<panels * groups * 64).map { index in
            let (panel, group) = (index / (groups * 64), index / 64 % groups)
            let (row, column) = (group * 4 + index % 4, panel * 16 + index / 4 % 16)
            return row < depth && column < width ? b[row * width + column] : 0
        }
    }
}
