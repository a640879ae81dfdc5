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

    private enum CodingKeys: String, CodingKey {
        case name, rows, verdicts, risks, old, new, passDifference, mcnemarP, wilcoxonP, minimumDetectableEffect
    }

    /// - Parameter rows: at least one.
    public init(_ name: String, _ rows: [MigrationRow], checksJSON: Bool, seed: UInt64) {
        precondition(!rows.isEmpty, "a group without rows")
        self.name = name
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
        let scores = rows.compactMap { row in
            row.old.score.flatMap { old in row.new.score.map { (($0 - old) * 1e12).rounded() / 1e12 } }
        }
        wilcoxonP = scores.count == rows.count ? Wilcoxon(differences: scores).p : nil
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
            })
    }

    /// Nil where it is not known.
    func value(_ metric: MigrationGate.Metric, new isNew: Bool) -> Estimate? {
        let version = isNew ? new : old
        func plain(_ value: Double?) -> Estimate? { value.map { Estimate(value: $0, low: $0, high: $0) } }
        func share(_ count: Int) -> Estimate { .wilson(successes: count, trials: rows) }
        switch metric {
        case .passRate: return version.passRate
        case .regressions: return plain(Double(verdicts["regressed"] ?? 0))
        case .sameRate: return share(verdicts["same"] ?? 0)
        case .jsonRate: return version.jsonRate.map { share(Int(($0 * Double(rows)).rounded())) }
        case .similarity: return plain(version.similarity)
        case .score: return plain(version.score)
        case .tokens:
            return plain(
                version.promptTokens.flatMap { prompt in version.completionTokens.map { Double(prompt + $0) } })
        case .cost: return plain(version.cost)
        case .latencyP50: return plain(version.latencyMs?.p50)
        case .latencyP90: return plain(version.latencyMs?.p90)
        case .latencyP99: return plain(version.latencyMs?.p99)
        }
    }
}
