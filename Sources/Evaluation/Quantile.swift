/// Quantiles by linear interpolation between order statistics, NumPy's default method (Hyndman and Fan's type 7).
public enum Quantile {
    /// The value below which the share `fraction` (0…1) of the ascending, non-empty `sorted` lies.
    public static func linear(_ sorted: [Double], _ fraction: Double) -> Double {
        precondition(!sorted.isEmpty && (0...1).contains(fraction), "quantile \(fraction) of \(sorted.count) values")
        let position = fraction * Double(sorted.count - 1)
        let below = Int(position)
        guard below + 1 < sorted.count else { return sorted[below] }
        return sorted[below] + (position - Double(below)) * (sorted[below + 1] - sorted[below])
    }
}
