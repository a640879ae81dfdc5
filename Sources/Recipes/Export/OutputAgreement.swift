import Foundation

/// How far what an exported file computes is from what its model computes, on the same texts.
public struct OutputAgreement: Codable, Equatable, Sendable {
    /// What a difference may be.
    public struct Tolerance: Codable, Equatable, Sendable {
        /// Largest |Δ|, in units of the outputs' largest magnitude, or of 1 where that is less; nil: not judged.
        public var largest: Float?
        /// Mean |Δ| in units of the outputs' standard deviation; nil: not judged.
        public var mean: Float?
        /// Mean KL of the likeliest tokens' distributions; nil: not judged.
        public var divergence: Float?
        /// Share of rows whose largest output must be the same one; one row may always differ. Nil: not judged.
        public var sameTop: Float?

        /// The very numbers.
        public static let exact = Tolerance(largest: 0)
        /// Computed in float32 in another order.
        public static let float32 = Tolerance(largest: 1e-4)

        public init(largest: Float? = nil, mean: Float? = nil, divergence: Float? = nil, sameTop: Float? = nil) {
            self.largest = largest
            self.mean = mean
            self.divergence = divergence
            self.sameTop = sameTop
        }

        /// Rounded otherwise: mean |Δ| up to a share of the outputs' spread.
        public static func rounded(_ mean: Float, classes: Bool) -> Tolerance {
            Tolerance(mean: mean, sameTop: classes ? 0.995 : nil)
        }
    }

    /// Rows that were compared.
    public let rows: Int
    public let largest: Float
    public let mean: Float
    public let divergence: Float
    public let sameTop: Float

    /// - Parameters:
    ///   - expected: what the model gives: rows · width numbers.
    ///   - found: what the file gives.
    public init(_ expected: [Float], _ found: [Float], width: Int) {
        precondition(expected.count == found.count, "OutputAgreement: \(expected.count) and \(found.count) outputs")
        let count = Double(max(expected.count, 1))
        let average = expected.reduce(0.0) { $0 + Double($1) } / count
        let deviation = (expected.reduce(0.0) { $0 + pow(Double($1) - average, 2) } / count).squareRoot()
        let scale = max(1, expected.reduce(0) { max($0, abs($1)) })
        // A NaN is the largest difference of all.
        let differences = zip(expected, found).map { $0 == $1 ? 0 : ($0 - $1).isNaN ? Float.infinity : abs($0 - $1) }
        largest = (differences.max() ?? 0) / scale
        let sum = differences.reduce(0.0) { $0 + Double($1) }
        mean = Float(sum / count / max(deviation, Double(Float.leastNormalMagnitude)))
        rows = expected.count / max(width, 1)
        var (same, divergences) = (0, 0.0)
        for row in 0..<rows {
            let range = row * width..<(row + 1) * width
            let (a, b) = (expected[range], found[range])
            if a.firstIndex(of: a.max() ?? 0) == b.firstIndex(of: b.max() ?? 0) { same += 1 }
            divergences += Self.divergence(a, b)
        }
        sameTop = Float(same) / Float(max(rows, 1))
        // Swift's max(0, NaN) is 0: outputs that are no numbers must not look equal.
        let meanDivergence = divergences / Double(max(rows, 1))
        divergence = meanDivergence.isNaN ? .infinity : Float(max(0, meanDivergence))
    }

    /// KL(softmax(a) ‖ softmax(b)).
    private static func divergence(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Double {
        func logSum(_ row: ArraySlice<Float>) -> Double {
            let largest = Double(row.max() ?? 0)
            return largest + log(row.reduce(0) { $0 + exp(Double($1) - largest) })
        }
        let (first, second) = (logSum(a), logSum(b))
        return zip(a, b).reduce(0) { sum, pair in
            let p = Double(pair.0) - first
            return sum + exp(p) * (p - Double(pair.1) + second)
        }
    }

    /// What is beyond the tolerance, in words; nil if nothing is.
    public func problem(_ tolerance: Tolerance) -> String? {
        func exceeds(_ value: Float, _ limit: Float?) -> Bool { limit.map { !(value <= $0) } ?? false }
        if exceeds(largest, tolerance.largest) {
            return String(
                format: "outputs differ by up to %.2e of the largest one, at most %.0e is allowed", largest,
                tolerance.largest ?? 0)
        }
        if exceeds(mean, tolerance.mean) {
            return String(
                format: "outputs differ by %.3f of their standard deviation on average, at most %.2f is allowed", mean,
                tolerance.mean ?? 0)
        }
        if exceeds(divergence, tolerance.divergence) {
            return String(
                format: "the mean KL of the tokens' distributions is %.2e, at most %.0e is allowed", divergence,
                tolerance.divergence ?? 0)
        }
        let others = Float(rows) - (sameTop * Float(rows)).rounded()
        if let share = tolerance.sameTop, others > max(1, Float(rows) * (1 - share)) {
            return String(
                format: "the largest output is another one in %.2f %% of the rows, at most %.1f %% is allowed",
                100 * (1 - sameTop), 100 * (1 - share))
        }
        return nil
    }

    /// The figures that count for the tolerance.
    public func summary(_ tolerance: Tolerance) -> String {
        var parts: [String] = []
        if tolerance.largest == 0 { return "\(rows) rows, the same numbers" }
        if tolerance.largest != nil { parts.append(String(format: "largest difference %.1e", largest)) }
        if tolerance.mean != nil { parts.append(String(format: "mean difference %.4f of the spread", mean)) }
        if tolerance.divergence != nil { parts.append(String(format: "mean KL %.1e", divergence)) }
        if tolerance.sameTop != nil { parts.append(String(format: "same class %.2f %%", 100 * sameTop)) }
        return "\(rows) rows, " + parts.joined(separator: ", ")
    }
}
