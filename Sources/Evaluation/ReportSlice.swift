extension Report {
    /// What holds on some of the rows.
    public struct SliceResult: Sendable {
        public let slice: Slice
        /// By key; none where the slice has no rows.
        public let metrics: [String: ClassificationMetrics]
        /// The reference against each other model; none where the slice has no rows.
        public let pairs: [PairedComparison]
    }

    static func results(
        of slices: [Slice], _ models: [Model], labels: [Int], reference: String, seed: UInt64
    ) -> [SliceResult] {
        slices.map { slice in
            guard !slice.rows.isEmpty else { return SliceResult(slice: slice, metrics: [:], pairs: []) }
            let part = slice.rows.map { labels[$0] }
            let chosen = models.map { ($0.result.key, $0.predictions.choosing(slice.rows)) }
            let metrics = chosen.map { ($0.0, ClassificationMetrics($0.1, labels: part)) }
            let pairs = chosen.filter { $0.0 == reference }.flatMap { first in
                chosen.filter { $0.0 != reference }.map {
                    PairedComparison(a: first, b: $0, labels: part, seed: seed)
                }
            }
            return SliceResult(slice: slice, metrics: Dictionary(uniqueKeysWithValues: metrics), pairs: pairs)
        }
    }
}

extension Predictions {
    /// Those of some rows, one row perhaps more than once.
    func choosing(_ rows: [Int]) -> Predictions {
        Predictions(
            rows: rows.count, classes: classes,
            logProbabilities: logProbabilities.isEmpty
                ? [] : rows.flatMap { logProbabilities[$0 * classes..<($0 + 1) * classes] },
            labels: rows.map { labels[$0] })
    }
}

extension Report {
    /// The slices by these columns for a terminal.
    public func sliceLines(_ columns: [String]) -> [String] {
        ReportPage.SliceTable.tables(self).filter { columns.contains($0.column) }.flatMap { table in
            let own = model(subject).result.name
            let isAlone = reference == subject
            let head =
                [table.column, "Rows"] + (isAlone ? [own] : [model(reference).result.name, own, "Difference", "Flips"])
            return [""]
                + AlignedTable.lines(
                    [head]
                        + table.rows.map {
                            [$0.slice, $0.rows]
                                + (isAlone ? [$0.subject] : [$0.reference, $0.subject, $0.difference, $0.flips])
                        })
        }
    }
}
