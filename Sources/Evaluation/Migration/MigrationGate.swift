public import Files
import Foundation

/// A condition on a migration, such as `pass_rate >= old` or, for one priority alone, `high: regressions <= 0`.
public struct MigrationGate: Sendable, Equatable {
    public enum Metric: String, CaseIterable, Sendable {
        /// Share of answers that are good enough.
        case passRate = "pass_rate"
        /// Rows whose old answer is good enough and whose new one is not.
        case regressions
        /// Share of answers that are those of before.
        case sameRate = "same_rate"
        /// Share of answers that are documents of the schema.
        case jsonRate = "json_rate"
        /// Mean cosine with what is expected, or with the old answer.
        case similarity
        /// Mean task metric.
        case score
        case tokens
        case cost
        case latencyP50 = "latency_p50"
        case latencyP90 = "latency_p90"
        case latencyP99 = "latency_p99"

        /// Whether an old value exists.
        var comparesVersions: Bool { self != .regressions && self != .sameRate }

        var range: ClosedRange<Double> {
            switch self {
            case .passRate, .sameRate, .jsonRate, .score: 0...1
            case .similarity: -1...1
            case .regressions, .tokens, .cost, .latencyP50, .latencyP90, .latencyP99: 0...Double.greatestFiniteMagnitude
            }
        }
    }

    public let text: String
    public let priority: String?
    public let metric: Metric
    public let isAtLeast: Bool
    /// Of the old version's value, or nil.
    public let factor: Double?
    public let number: Double

    /// - Throws: `InputError` that says what is allowed; also for a limit that every answer keeps.
    public init(_ text: String) throws(InputError) {
        self.text = text
        func refuse(_ problem: String) -> InputError {
            InputError(
                field: "--gate", problem: "\"\(text)\": \(problem)",
                remedy:
                    "write for instance 'pass_rate >= old', 'high: regressions <= 0' or 'cost <= 0.8*old'; metrics: "
                    + Metric.allCases.map(\.rawValue).joined(separator: ", "))
        }
        var rest = text[...]
        if let colon = rest.firstIndex(of: ":") {
            priority = rest[..<colon].trimmingCharacters(in: .whitespaces)
            rest = rest[rest.index(after: colon)...]
        } else {
            priority = nil
        }
        let sign = [">=", "<="].first { rest.contains($0) }
        guard let sign, let range = rest.range(of: sign) else { throw refuse("has no >= or <=") }
        let name = rest[..<range.lowerBound].trimmingCharacters(in: .whitespaces)
        guard let metric = Metric(rawValue: name) else { throw refuse("there is no metric \(name)") }
        self.metric = metric
        isAtLeast = sign == ">="
        let limit = rest[range.upperBound...].trimmingCharacters(in: .whitespaces)
        let parts = limit.split(separator: "*", omittingEmptySubsequences: false).map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        if let value = Double(limit), value.isFinite {
            (factor, number) = (nil, value)
        } else if parts.last == "old", parts.count <= 2, let value = parts.count == 1 ? 1 : Double(parts[0]),
            value.isFinite
        {
            guard metric.comparesVersions else { throw refuse("\(name) has no old value") }
            (factor, number) = (value, 0)
        } else {
            throw refuse("the limit is a number, old, or number*old")
        }
        let values = GateRange(metric: name, values: metric.range)
        let fault =
            factor.map { values.fault(factor: $0, offset: 0, isAtLeast: isAtLeast) }
            ?? values.fault(limit: number, isAtLeast: isAtLeast)
        if let fault {
            throw InputError(field: "--gate", problem: "\"\(text)\": \(fault.problem)", remedy: fault.remedy)
        }
    }

    /// - Parameter strict: holds the far end of the margin's interval to zero, where there is one: see `MigrationGroup.margin`.
    public func outcome(in group: MigrationGroup, strict: Bool) throws(InputError) -> GateOutcome {
        if metric == .regressions, !isAtLeast, number >= Double(group.rows) {
            throw InputError(
                field: "--gate", problem: "\"\(text)\": cannot fail, as there are \(group.rows) rows",
                remedy: "give a limit that can be missed")
        }
        guard let own = group.value(metric, new: true), let other = factor == nil ? 0 : group.value(metric, new: false)
        else {
            throw InputError(
                field: "--gate",
                problem: "\"\(text)\": \(metric.rawValue) is not known of every answer"
                    + (group.unknown.map { " (\($0))" } ?? ""),
                remedy:
                    "give what it needs: --embedder, --json-schema, --prices, or token counts and times in the answers")
        }
        let limit = (factor ?? 0) * other + number
        let margin = strict ? group.margin(self, limit: limit) : nil
        return GateOutcome(
            gate: text, value: own, threshold: limit,
            passed: isAtLeast
                ? (margin?.low ?? own - limit) >= -1e-12 : (margin?.high ?? own - limit) <= 1e-12,
            margin: margin)
    }
}
