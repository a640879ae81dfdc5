/// How long one query takes.
public struct LatencySummary: Sendable, Equatable, Codable {
    /// Milliseconds.
    public var p50: Double
    /// Milliseconds.
    public var p90: Double
    /// Milliseconds.
    public var p99: Double
    /// Queries measured, warm-up excluded.
    public var queries: Int
    /// Threads that the model used.
    public var threads: Int

    public init(p50: Double, p90: Double, p99: Double, queries: Int, threads: Int) {
        self.p50 = p50
        self.p90 = p90
        self.p99 = p99
        self.queries = queries
        self.threads = threads
    }

    var isPlausible: Bool {
        p50.isFinite && p90.isFinite && p99.isFinite && 0 < p50 && p50 <= p90 && p90 <= p99
    }
}

/// Measures single-stream latency: one query after another.
public enum Latency {
    /// Runs `body` `warmUp` times unmeasured and then `queries` times, each timed by the monotonic clock.
    ///
    /// Percentiles interpolate linearly between the sorted times, as `Quantile.linear`.
    ///
    /// - Parameters:
    ///   - queries: At least 1.
    ///   - threads: What to record as the number of threads; `body` decides how many it uses.
    ///   - body: Answers query i; called with 0..<warmUp, then with 0..<queries.
    /// - Throws: What `body` throws.
    public static func measure(
        queries: Int, warmUp: Int, threads: Int = 1, _ body: (Int) throws -> Void
    ) rethrows -> LatencySummary {
        precondition(queries > 0 && warmUp >= 0, "\(queries) queries after \(warmUp) to warm up")
        for i in 0..<warmUp { try body(i) }
        let clock = ContinuousClock()
        var times: [Double] = []
        times.reserveCapacity(queries)
        for i in 0..<queries {
            let time = try clock.measure { try body(i) }
            times.append(time / .milliseconds(1))
        }
        times.sort()
        return LatencySummary(
            p50: Quantile.linear(times, 0.5), p90: Quantile.linear(times, 0.9), p99: Quantile.linear(times, 0.99),
            queries: queries, threads: threads)
    }
}
