/// A number with its 95 % interval.
public struct Estimate: Sendable, Equatable, Codable {
    public var value: Double
    public var low: Double
    public var high: Double

    public init(value: Double, low: Double, high: Double) {
        self.value = value
        self.low = low
        self.high = high
    }

    /// Whether zero lies inside the interval, its ends included.
    public var includesZero: Bool { low <= 0 && high >= 0 }
}

/// Two-sided 5 % and one-sided 20 % points of the standard normal distribution.
enum NormalQuantile {
    static let p975 = 1.959963984540054
    static let p80 = 0.8416212335729143
}

extension Estimate {
    /// The share `successes / trials` with the Wilson score interval.
    ///
    /// Centre (k + z²/2) / (n + z²), half width z/(n + z²) · √(k(n − k)/n + z²/4), z = 1.96 (Wilson 1927, JASA 22:209).
    /// Unlike the normal interval it stays inside 0…1 and has a width when all are right.
    ///
    /// - Parameter trials: At least 1.
    public static func wilson(successes: Int, trials: Int) -> Estimate {
        precondition(trials > 0 && (0...trials).contains(successes), "\(successes) successes of \(trials) trials")
        let n = Double(trials)
        let k = Double(successes)
        let z2 = NormalQuantile.p975 * NormalQuantile.p975
        let centre = (k + z2 / 2) / (n + z2)
        let half = NormalQuantile.p975 / (n + z2) * (k * (n - k) / n + z2 / 4).squareRoot()
        // At 0 and n one end is exact; subtracting would leave a rounding error.
        return Estimate(
            value: k / n, low: successes == 0 ? 0 : centre - half, high: successes == trials ? 1 : centre + half)
    }
}
