import Foundation

/// What holds of some rows of a migration: all, or those of one priority or owner.
public struct MigrationGroup: Sendable, Encodable {
    /// A version's numbers.
    public struct Version: Sendable, Encodable {
        public var passRate: Estimate
        public var similarity: Double?
        public var score: Double?
        public var jsonRate: Double?
        public var promptTokens: Int?
        public var completionTokens: Int?
        public var cost: Double?
        public var latencyMs: LatencySummary?
        /// Answers of which tokens, and so costs, or times are not known: then the sums are not known either.
        public var withoutTokens: Int
        public var withoutLatency: Int
    }

    /// Empty for all rows.
    public let name: String
    public let rows: Int
    public let verdicts: [String: Int]
    public let risks: [String: Int]
    public let old: Version
    public let new: Version
    /// Pass rate of new minus old, with its paired bootstrap interval.
    public let passDifference: Estimate
    /// Of rows that pass under one version alone.
    public let mcnemarP: Double
    /// Of the scores, where they are known.
    public let wilcoxonP: Double?
    /// See `McNemar.minimumDetectableEffect`.
    public let minimumDetectableEffect: Double

    /// What it is made of, and what chooses the resamples.
    let members: [MigrationRow]
    let seed: UInt64

    private enum CodingKeys: String, CodingKey {
        case name, rows, verdicts, risks, old, new, passDifference, mcnemarP, wilcoxonP, minimumDetectableEffect
    }

    /// - Parameter rows: at least one.
    public init(_ name: String, _ rows: [MigrationRow], checksJSON: Bool, seed: UInt64) {
        precondition(!rows.isEmpty, "a group without rows")
        self.name = name
        self.seed = seed
        members = rows
        self.rows = rows.count
        var verdicts: [String: Int] = [:]
        for verdict in MigrationRow.Verdict.allCases {
            verdicts[verdict.rawValue] = rows.count { $0.verdict == verdict }
        }
        self.verdicts = verdicts
        risks = rows.reduce(into: [:]) { counts, row in
            for risk in row.risks { counts[risk.rawValue, default: 0] += 1 }
        }
        old = Self.version(rows.map(\.old), checksJSON: checksJSON)
        new = Self.version(rows.map(\.new), checksJSON: checksJSON)
        passDifference = Bootstrap.mean(
            of: rows.map { ($0.new.passed ? 1 : 0) - ($0.old.passed ? 1 : 0) }, seed: seed)
        let lost = rows.count { $0.old.passed && !$0.new.passed }
        let won = rows.count { !$0.old.passed && $0.new.passed }
        mcnemarP = McNemar.exactP(lost: lost, won: won)
        minimumDetectableEffect = McNemar.minimumDetectableEffect(discordant: lost + won, rows: rows.count)
        let scores = [rows.compactMap(\.old.score), rows.compactMap(\.new.score)]
        let isScored = scores.allSatisfy { $0.count == rows.count }
        wilcoxonP = isScored ? Wilcoxon(scores[1], minus: scores[0]).p : nil
    }

    private static func version(_ answers: [MigrationRow.Answer], checksJSON: Bool) -> Version {
        let n = answers.count
        /// Nil where one answer lacks it.
        func all<Value>(_ value: (MigrationRow.Answer) -> Value?) -> [Value]? {
            let values = answers.compactMap(value)
            return values.count == n ? values : nil
        }
        func mean(_ values: [Double]?) -> Double? { values.map { $0.sorted().reduce(0, +) / Double(n) } }
        let times = all(\.latencyMs)?.sorted()
        return Version(
            passRate: .wilson(successes: answers.count(where: \.passed), trials: n),
            similarity: mean(all(\.similarity)), score: mean(all(\.score)),
            jsonRate: checksJSON ? Double(answers.count { $0.jsonFault == nil }) / Double(n) : nil,
            promptTokens: all(\.promptTokens)?.reduce(0, +), completionTokens: all(\.completionTokens)?.reduce(0, +),
            cost: all(\.cost).map { $0.sorted().reduce(0, +) },
            latencyMs: times.map {
                LatencySummary(
                    p50: Quantile.linear($0, 0.5), p90: Quantile.linear($0, 0.9), p99: Quantile.linear($0, 0.99),
                    queries: n, threads: 1)
            }, withoutTokens: answers.count { $0.promptTokens == nil || $0.completionTokens == nil },
            withoutLatency: answers.count { $0.latencyMs == nil })
    }

    /// Nil where it is not known.
    func value(_ metric: MigrationGate.Metric, new isNew: Bool) -> Double? {
        let version = isNew ? new : old
        switch metric {
        case .passRate: return version.passRate.value
        case .regressions: return Double(verdicts["regressed"] ?? 0)
        case .sameRate: return Double(verdicts["same"] ?? 0) / Double(rows)
        case .jsonRate: return version.jsonRate
        case .similarity: return version.similarity
        case .score: return version.score
        case .tokens:
            return version.promptTokens.flatMap { prompt in version.completionTokens.map { Double(prompt + $0) } }
        case .cost: return version.cost
        case .latencyP50: return version.latencyMs?.p50
        case .latencyP90: return version.latencyMs?.p90
        case .latencyP99: return version.latencyMs?.p99
        }
    }

    /// How many answers keep sums from being known; nil where nothing at all was counted or timed, or everything was.
    var unknown: String? {
        func part(_ what: String, _ count: (Version) -> Int) -> String? {
            let (before, after) = (count(old), count(new))
            guard before + after > 0, min(before, after) < rows else { return nil }
            return "\(what) of \(before) old and \(after) new answers"
        }
        let parts = [
            part("the tokens, and so the cost,", \.withoutTokens), part("the latency", \.withoutLatency),
        ].compactMap { $0 }
        return parts.isEmpty ? nil : "not known of \(Notation.count(rows)) rows: " + parts.joined(separator: ", ")
    }
}
