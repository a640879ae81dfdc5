import Foundation
import Tensors

/// The result of a workload, as text and as one JSON object.
struct Measurement: CustomStringConvertible {
    let workload: Workload
    let precision: String
    let dropout: Float
    let timing: TimedRun.Timing

    init(_ workload: Workload, precision: String, dropout: Float, _ timing: TimedRun.Timing) {
        self.workload = workload
        self.precision = precision
        self.dropout = dropout
        self.timing = timing
    }

    private var tokensPerSecond: Double {
        1000 * Double(workload.batch * workload.length) / timing.median
    }

    /// The JSON object: keys in snake case with their units.
    private struct File: Encodable {
        var workload: String
        var precision: String
        var dropout: Float
        var threads: Int
        var medianMs: Double
        var minMs: Double
        var maxMs: Double
        var peakMb: Double
        var tokensPerSecond: Double
        var firstStepS: Double
        var phases: [String: Double]
    }

    func json() throws -> String {
        func rounded(_ value: Double, _ unit: Double) -> Double { (value * unit).rounded() / unit }
        let file = File(
            workload: workload.rawValue, precision: precision, dropout: dropout, threads: Threads.count,
            medianMs: rounded(timing.median, 1000), minMs: rounded(timing.minimum, 1000),
            maxMs: rounded(timing.maximum, 1000), peakMb: rounded(timing.peakMegabytes, 10),
            tokensPerSecond: rounded(tokensPerSecond, 1), firstStepS: rounded(timing.firstStep, 1000),
            phases: Dictionary(uniqueKeysWithValues: timing.phases.map { ($0.name, rounded($0.time, 1000)) }))
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(file), as: UTF8.self)
    }

    var description: String {
        func line(_ name: String, _ value: Double, _ format: String, _ note: String) -> String {
            name.padding(toLength: 13, withPad: " ", startingAt: 0) + String(format: "%10\(format)  ", value) + note
        }
        let sum = timing.phases.reduce(0) { $0 + $1.time }
        let range = String(format: "%.1f–%.1f", timing.minimum, timing.maximum)
        return
            ([
                "\(workload.rawValue), \(precision), dropout \(dropout), \(Threads.count) threads", "",
                line("median", timing.median, ".1f", "ms (\(range), \(timing.repetitions) repetitions)"),
                line("throughput", tokensPerSecond, ".0f", "tokens/s"),
                line("peak memory", timing.peakMegabytes, ".0f", "MB"),
                line("first step", timing.firstStep, ".2f", "s after the start of the process"), "",
            ] + timing.phases.map { line($0.name, $0.time, ".1f", String(format: "ms %5.1f %%", 100 * $0.time / sum)) })
            .joined(separator: "\n")
    }
}
