public import Files

/// One model's numbers on N rows, of any set of them: what intervals, slices and gates are made of.
public struct RowScores: Sendable {
    /// A metric over some rows, one row perhaps more than once; nil where it is none of this model's.
    public typealias Statistic = @Sendable (Gate.Metric, [Int]) -> Double?

    public var key: String
    public var name: String
    public var path: String
    public var parameters: Int
    public var bytes: Int?
    public var latency: LatencySummary?
    /// Of the model alone, and against the reference.
    public var alone: [Gate.Metric]
    public var compared: [Gate.Metric]
    public var value: Statistic
    /// What an error is, and the error of each row; lower is better.
    public var error: String
    public var errors: [Double]

    public init(
        key: String, name: String, path: String, parameters: Int, bytes: Int?, latency: LatencySummary? = nil,
        alone: [Gate.Metric], compared: [Gate.Metric], error: String, errors: [Double], value: @escaping Statistic
    ) {
        self.key = key
        self.name = name
        self.path = path
        self.parameters = parameters
        self.bytes = bytes
        self.latency = latency
        self.alone = alone
        self.compared = compared
        self.error = error
        self.errors = errors
        self.value = value
    }
}

extension ScoreReport {
    /// What holds on some of the rows.
    public struct SliceResult: Sendable {
        public let slice: Slice
        /// By model's key; none where the slice has no rows.
        public let values: [String: [Gate.Metric: Double]]
    }

    /// Resamples of the rows behind an interval.
    static let resamples = 1000

    /// Computes every number, its interval and its slices.
    ///
    /// - Parameters:
    ///   - order: the rows by what stands in them, so that the order of a file changes nothing.
    ///   - strict: judges gates by the far end of the interval.
    /// - Throws: `InputErrors` as the other initializer.
    public init(
        task: String, record: RunRecord, data: String, rows models: [RowScores], order: [Int], gates: [Gate],
        strict: Bool, reference: String, subject: String, slices: [Slice], samples: [Sample], seed: UInt64 = 0
    ) throws(InputErrors) {
        func estimate(_ metric: Gate.Metric, _ model: RowScores) -> Score? {
            guard model.value(metric, order) != nil else { return nil }
            return Score(
                metric,
                Bootstrap.statistic(rows: order.count, resamples: Self.resamples, seed: seed) { rows in
                    model.value(metric, rows.map { order[$0] }) ?? .nan
                })
        }
        let base = models.first { $0.key == reference }
        let results = models.map { model in
            Model(
                key: model.key, name: model.name, path: model.path, parameters: model.parameters, bytes: model.bytes,
                scores: model.alone.compactMap { estimate($0, model) },
                comparisons: model.key == reference ? [] : model.compared.compactMap { estimate($0, model) },
                paired: base.flatMap { base in
                    model.key == reference || model.errors.isEmpty || base.errors.isEmpty
                        ? nil : PairedErrors(model.error, own: model.errors, reference: base.errors, seed: seed)
                }, latency: model.latency)
        }
        let parts = slices.map { slice in
            SliceResult(
                slice: slice,
                values: slice.rows.isEmpty
                    ? [:]
                    : Dictionary(
                        uniqueKeysWithValues: models.map { model in
                            let metrics = model.alone + (model.key == reference ? [] : model.compared)
                            return (
                                model.key,
                                Dictionary(
                                    uniqueKeysWithValues: metrics.compactMap { metric in
                                        model.value(metric, slice.rows).map { (metric, $0) }
                                    })
                            )
                        }))
        }
        try self.init(
            task: task, record: record, data: data, models: results, gates: gates, reference: reference,
            subject: subject, slices: parts, samples: samples,
            margins: strict
                ? { gate in
                    guard let own = models.first(where: { $0.key == subject }) else { return nil }
                    let other = gate.threshold.model.flatMap { key in models.first { $0.key == key } }
                    func statistic(_ model: RowScores) -> ([Int]) -> Double {
                        { rows in model.value(gate.metric, rows.map { order[$0] }) ?? .nan }
                    }
                    return gate.margin(
                        rows: order.count, seed: seed, of: statistic(own), against: other.map(statistic))
                } : nil)
    }
}
