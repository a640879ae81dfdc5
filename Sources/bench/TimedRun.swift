import Evaluation
import Foundation
import Tensors

/// Repeats a workload: once, then some times to warm up, then timed, and last with the profile on.
struct TimedRun {
    static let fewestRepetitions = 7
    private static let profiledRepetitions = 3

    let warmUp: Int
    let repetitions: Int
    let clock: ProcessClock

    /// What was found; times in milliseconds.
    struct Timing {
        /// Seconds from the start of the process to the end of the first repetition.
        var firstStep: Double
        var median: Double
        var minimum: Double
        var maximum: Double
        var repetitions: Int
        /// Largest resident set of the process so far, in MB of 2²⁰ bytes.
        var peakMegabytes: Double
        /// Mean wall time of each phase of a repetition, in the order of `Profile.Phase`, and of the rest as `other`.
        var phases: [(name: String, time: Double)]
    }

    func measure(_ run: () throws -> Void) rethrows -> Timing {
        try run()
        let firstStep = clock.seconds
        for _ in 0..<warmUp { try run() }
        let stopwatch = ContinuousClock()
        let times = try (0..<repetitions).map { _ in try stopwatch.measure(run) / .milliseconds(1) }.sorted()
        return Timing(
            firstStep: firstStep, median: Quantile.linear(times, 0.5), minimum: times[0],
            maximum: times[repetitions - 1], repetitions: repetitions, peakMegabytes: Self.peakMegabytes,
            phases: try Self.profile(run))
    }

    private static func profile(_ run: () throws -> Void) rethrows -> [(name: String, time: Double)] {
        let stopwatch = ContinuousClock()
        var sums: [Profile.Phase: Double] = [:]
        var total = 0.0
        for _ in 0..<profiledRepetitions {
            Profile.start()
            total += try stopwatch.measure(run) / .milliseconds(1)
            sums.merge(Profile.stop(), uniquingKeysWith: +)
        }
        let named = Profile.Phase.allCases.map { ($0.rawValue, sums[$0, default: 0]) }
        let other = ("other", named.reduce(total) { $0 - $1.1 })
        return (named + [other]).map { ($0.0, $0.1 / Double(profiledRepetitions)) }
    }

    private static var peakMegabytes: Double {
        var usage = rusage()
        getrusage(RUSAGE_SELF.rawValue, &usage)
        return Double(usage.ru_maxrss) / 1024
    }
}
