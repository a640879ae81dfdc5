/// Percentile bootstrap of a mean (Efron and Tibshirani 1993, chapter 13): deterministic and free of state.
///
/// Resample r draws its rows from the SplitMix64 stream (Steele, Lea, Flood 2014) that starts at mix(mix(seed) + γ·(r + 1));
/// its j-th draw of the n rows is the upper half of mix(start + γ·(j + 1)) · n. Any resample can be made alone.
public enum Bootstrap {
    /// The mean of `values` with the 2.5 % and 97.5 % quantiles of the means of `resamples` resamples.
    ///
    /// For a paired difference, `values` holds one difference per row. They are sorted first, so that the order of the
    /// rows cannot change the interval. Values that are all equal give an interval of width zero.
    public static func mean(of values: [Double], resamples: Int = 10_000, seed: UInt64) -> Estimate {
        precondition(!values.isEmpty && resamples > 0, "\(values.count) values, \(resamples) resamples")
        let sorted = values.sorted()
        let n = UInt64(sorted.count)
        let start = mix(seed)
        var means = [Double](repeating: 0, count: resamples)
        sorted.withUnsafeBufferPointer { sorted in
            means.withUnsafeMutableBufferPointer { means in
                for r in 0..<resamples {
                    var state = mix(start &+ gamma &* (UInt64(r) &+ 1))
                    var sum = 0.0
                    for _ in 0..<sorted.count {
                        state &+= gamma
                        sum += sorted[Int(truncatingIfNeeded: mix(state).multipliedFullWidth(by: n).high)]
                    }
                    means[r] = sum / Double(sorted.count)
                }
            }
        }
        means.sort()
        return Estimate(
            value: sorted.reduce(0, +) / Double(sorted.count), low: Quantile.linear(means, 0.025),
            high: Quantile.linear(means, 0.975))
    }

    /// Σ sums / Σ counts over rows of unequal size, with the 2.5 % and 97.5 % quantiles over resamples of the rows. Rows are
    /// sorted first, so that their order cannot change the interval.
    ///
    /// - Parameter counts: what each row's sum is of, such as its positions; at least one is above 0.
    public static func ratio(
        of sums: [Double], per counts: [Int], resamples: Int = 10_000, seed: UInt64
    ) -> Estimate {
        precondition(sums.count == counts.count, "\(sums.count) sums, \(counts.count) counts")
        let pairs = zip(sums, counts).sorted { $0 < $1 }
        let (sums, counts) = (pairs.map(\.0), pairs.map(\.1))
        return statistic(rows: sums.count, resamples: resamples, seed: seed) { rows in
            let (sum, count) = rows.reduce(into: (0.0, 0)) { total, row in
                total.0 += sums[row]
                total.1 += counts[row]
            }
            return sum / Double(max(1, count))
        }
    }

    /// A statistic of n rows with the 2.5 % and 97.5 % quantiles over resamples of them, which follow the numbers of the rows:
    /// number them by what stands in them, so that the order of a file cannot change the interval.
    ///
    /// - Parameters:
    ///   - rows: n, at least 1.
    ///   - statistic: of the rows with these numbers, some of them more than once.
    public static func statistic(
        rows: Int, resamples: Int = 1000, seed: UInt64, _ statistic: ([Int]) -> Double
    ) -> Estimate {
        precondition(rows > 0 && resamples > 0, "\(rows) rows, \(resamples) resamples")
        let start = mix(seed)
        let values = (0..<resamples).map { r in
            var state = mix(start &+ gamma &* (UInt64(r) &+ 1))
            return statistic(
                (0..<rows).map { _ in
                    state &+= gamma
                    return Int(truncatingIfNeeded: mix(state).multipliedFullWidth(by: UInt64(rows)).high)
                })
        }.sorted()
        return Estimate(
            value: statistic(Array(0..<rows)), low: Quantile.linear(values, 0.025),
            high: Quantile.linear(values, 0.975))
    }

    private static let gamma: UInt64 = 0x9E37_79B9_7F4A_7C15

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
