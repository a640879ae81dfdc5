import Foundation

/// The energy that the processor's packages report (Linux powercap, `intel-rapl`): of the whole machine, not of a process.
struct EnergyMeter {
    private struct Zone {
        let file: String
        /// Microjoules after which the counter begins again.
        let range: Double
    }

    private let zones: [Zone]

    /// Nil where the machine has no counters, or they may not be read.
    init?(root: String = "/sys/class/powercap") {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        // Packages alone: `intel-rapl:0`, not their parts `intel-rapl:0:1`.
        zones = names.filter { $0.split(separator: ":").count == 2 && $0.contains("rapl:") }.sorted().compactMap {
            name in
            let file = "\(root)/\(name)/energy_uj"
            guard Self.number(file) != nil, let range = Self.number("\(root)/\(name)/max_energy_range_uj") else {
                return nil
            }
            return Zone(file: file, range: range)
        }
        if zones.isEmpty { return nil }
    }

    /// The counters now, in microjoules.
    func joules() -> [Double] { zones.map { Self.number($0.file) ?? .nan } }

    /// Joules since an earlier reading; nil where a counter could not be read.
    func joules(since before: [Double]) -> Double? {
        let used = zip(zip(before, joules()), zones).reduce(0.0) { sum, entry in
            let ((old, new), zone) = entry
            return sum + (new >= old ? new - old : new - old + zone.range)
        }
        return used.isFinite ? used / 1e6 : nil
    }

    private static func number(_ file: String) -> Double? {
        (try? String(contentsOfFile: file, encoding: .utf8)).flatMap {
            Double($0.trimmingCharacters(in: .whitespacesAndNewlines))
        }
    }
}
