extension MigrationGroup {
    /// How far the new version is above a gate's limit, with its 95 % interval over the rows.
    ///
    /// Against the old version the rows are drawn with both of their answers, so that what the versions share does not widen
    /// the interval: of means and sums new − factor · old of each row, of latencies the percentiles of what was drawn. Against
    /// a number, shares have Wilson's interval, which has a width when all are right.
    ///
    /// - Parameter limit: as `MigrationGate.outcome` has it.
    /// - Returns: nil for `regressions`, a count of these very rows, and where a number is not known of every row.
    func margin(_ gate: MigrationGate, limit: Double) -> Estimate? {
        let isShare = gate.metric == .passRate || gate.metric == .sameRate || gate.metric == .jsonRate
        if gate.factor == nil, isShare {
            return value(gate.metric, new: true).map { share in
                .wilson(successes: Int((share * Double(rows)).rounded()), trials: rows).shifted(by: -limit)
            }
        }
        let pairs = members.compactMap { row -> (new: Double, old: Double)? in
            guard let new = gate.metric.number(of: row.new) else { return nil }
            guard gate.factor != nil else { return (new, 0) }
            return gate.metric.number(of: row.old).map { (new, $0) }
        }
        guard pairs.count == rows else { return nil }
        let factor = gate.factor ?? 0
        if let share = gate.metric.percentile {
            // By what stands in them, so that the order of the rows changes nothing.
            let pairs = pairs.sorted { $0 < $1 }
            return Bootstrap.statistic(rows: rows, seed: seed) { drawn in
                Quantile.linear(drawn.map { pairs[$0].new }.sorted(), share)
                    - factor * Quantile.linear(drawn.map { pairs[$0].old }.sorted(), share)
            }.shifted(by: -gate.number)
        }
        let mean = Bootstrap.mean(of: pairs.map { $0.new - factor * $0.old }, seed: seed)
        let scale = gate.metric == .tokens || gate.metric == .cost ? Double(rows) : 1
        return Estimate(value: mean.value * scale, low: mean.low * scale, high: mean.high * scale)
            .shifted(by: -gate.number)
    }
}

extension MigrationGate.Metric {
    /// Of one answer; nil where it is not known, or a metric is of pairs of answers.
    fileprivate func number(of answer: MigrationRow.Answer) -> Double? {
        switch self {
        case .passRate: answer.passed ? 1 : 0
        case .jsonRate: answer.jsonFault == nil ? 1 : 0
        case .similarity: answer.similarity
        case .score: answer.score
        case .tokens:
            answer.promptTokens.flatMap { prompt in answer.completionTokens.map { Double(prompt + $0) } }
        case .cost: answer.cost
        case .latencyP50, .latencyP90, .latencyP99: answer.latencyMs
        case .regressions, .sameRate: nil
        }
    }

    fileprivate var percentile: Double? {
        switch self {
        case .latencyP50: 0.5
        case .latencyP90: 0.9
        case .latencyP99: 0.99
        default: nil
        }
    }
}

extension Estimate {
    fileprivate func shifted(by offset: Double) -> Estimate {
        Estimate(value: value + offset, low: low + offset, high: high + offset)
    }
}
