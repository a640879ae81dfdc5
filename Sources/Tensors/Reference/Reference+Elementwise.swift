import Foundation

extension Reference {
    /// z = x + y.
    public static func add(_ x: [Double], _ y: [Double]) -> [Double] {
        zip(x, y).map { $0 + $1 }
    }

    /// z = x − y.
    public static func subtract(_ x: [Double], _ y: [Double]) -> [Double] {
        zip(x, y).map { $0 - $1 }
    }

    /// a · x² + b · x.
    public static func quadratic(_ x: [Double], _ a: Double, _ b: Double) -> [Double] {
        x.map { a * $0 * $0 + b * $0 }
    }

    /// y + a · x.
    public static func addScaled(_ x: [Double], by a: Double, to y: [Double]) -> [Double] {
        zip(x, y).map { a * $0 + $1 }
    }

    /// a · x.
    public static func scale(_ x: [Double], by a: Double) -> [Double] {
        x.map { a * $0 }
    }

    /// ReLU(x) = max(x, 0).
    public static func relu(_ x: Double) -> Double {
        x < 0 ? 0 : x
    }

    /// dReLU/dx: 1 above 0, else 0.
    public static func reluDerivative(_ x: Double) -> Double {
        x > 0 ? 1 : 0
    }

    /// GELU(x) = x · Φ(x), Φ(x) = ½ · erfc(−x / √2); the limits at ±∞ are ∞ and 0.
    public static func gelu(_ x: Double) -> Double {
        x == -.infinity ? 0 : x * 0.5 * erfc(-x / 2.0.squareRoot())
    }

    /// dGELU/dx = Φ(x) + x · φ(x), φ(x) = exp(−x²/2) / √2π; the limits at ±∞ are 1 and 0.
    public static func geluDerivative(_ x: Double) -> Double {
        if x.isInfinite { return x > 0 ? 1 : 0 }
        return 0.5 * erfc(-x / 2.0.squareRoot()) + x * exp(-0.5 * x * x) / (2 * Double.pi).squareRoot()
    }

    /// GELU as GPT-2 computes it: x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³))); the limits at ±∞ are ∞ and 0.
    ///
    /// (1 + tanh(u)) / 2 = 1 / (1 + exp(−2u)), which keeps its digits where tanh(u) is close to −1.
    public static func geluTanh(_ x: Double) -> Double {
        x == -.infinity ? 0 : x / (1 + exp(-2 * geluTanhArgument(x)))
    }

    /// With u the argument of tanh and t = tanh(u): (1 + t) / 2 + x / 2 · (1 − t²) · du/dx; the limits at ±∞ are 1 and 0.
    public static func geluTanhDerivative(_ x: Double) -> Double {
        if x.isInfinite { return x > 0 ? 1 : 0 }
        let u = geluTanhArgument(x)
        let slope = (2 / Double.pi).squareRoot() * (1 + 3 * 0.044715 * x * x)
        let (rising, falling) = (1 / (1 + exp(-2 * u)), 1 / (1 + exp(2 * u)))
        return rising + 2 * x * rising * falling * slope
    }

    private static func geluTanhArgument(_ x: Double) -> Double {
        (2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)
    }

    /// SiLU(x) = x / (1 + exp(−x)); the limits at ±∞ are ∞ and 0.
    public static func silu(_ x: Double) -> Double {
        x == -.infinity ? 0 : x / (1 + exp(-x))
    }

    /// dSiLU/dx = σ + x · σ · (1 − σ); the limits at ±∞ are 1 and 0.
    public static func siluDerivative(_ x: Double) -> Double {
        if x.isInfinite { return x > 0 ? 1 : 0 }
        let (rising, falling) = (1 / (1 + exp(-x)), 1 / (1 + exp(x)))
        return rising + x * rising * falling
    }

    /// Each head of 2 · P columns of x: [N, H · 2P], pair j being (x_j, x_{P+j}), turned by position · frequencies[j].
    public static func rotary(_ x: [Double], positions: [Int32], frequencies: [Double]) -> [Double] {
        let (half, width) = (frequencies.count, x.count / positions.count)
        var y = x
        for (row, position) in positions.enumerated() {
            for head in stride(from: row * width, to: (row + 1) * width, by: 2 * half) {
                for (j, frequency) in frequencies.enumerated() {
                    let angle = Double(position) * frequency
                    let (a, b) = (x[head + j], x[head + half + j])
                    y[head + j] = a * cos(angle) - b * sin(angle)
                    y[head + half + j] = b * cos(angle) + a * sin(angle)
                }
            }
        }
        return y
    }

    /// tanh(x) = 1 − 2 / (e²ˣ + 1).
    public static func tanh(_ x: Double) -> Double {
        Foundation.tanh(x)
    }

    /// Σ w_k · x_k.
    public static func weightedSum(_ terms: [(weight: Double, value: Double)]) -> Double {
        terms.reduce(0) { $0 + $1.weight * $1.value }
    }

    /// Σ x².
    public static func sumOfSquares(_ x: [Double]) -> Double {
        x.reduce(0) { $0 + $1 * $1 }
    }
}
