import Foundation

extension Reference {
    /// z = x + y.
    public static func add(_ x: [Double], _ y: [Double]) -> [Double] {
        zip(x, y).map { $0 + $1 }
    }

    /// y + a · x.
    public static func addScaled(_ x: [Double], by a: Double, to y: [Double]) -> [Double] {
        zip(x, y).map { a * $0 + $1 }
    }

    /// a · x.
    public static func scale(_ x: [Double], by a: Double) -> [Double] {
        x.map { a * $0 }
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
