import Foundation

/// Counts from the start of this process, so that loading the program counts too.
struct ProcessClock {
    private let created = ContinuousClock.now
    /// Seconds from the start of the process to the creation of this clock; 0 where the system does not say.
    private let before = Self.age ?? 0

    var seconds: Double {
        before + created.duration(to: .now) / .seconds(1)
    }

    /// The age of this process in seconds, to a clock tick (10 ms).
    ///
    /// `/proc/self/stat` has the time of start in ticks since the machine's own, as field 22. Field 2, the program's
    /// name, may hold spaces and ends at the last parenthesis.
    private static var age: Double? {
        var now = timespec()
        let ticks = sysconf(Int32(_SC_CLK_TCK))
        guard let text = try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8),
            let fields = text.split(separator: ")").last?.split(separator: " "), fields.count > 19,
            let start = Double(fields[19]), ticks > 0, clock_gettime(CLOCK_BOOTTIME, &now) == 0
        else { return nil }
        return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9 - start / Double(ticks)
    }
}
