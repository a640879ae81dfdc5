/// A teacher's most likely tokens at each position, or classes of each example, exact at any temperature: everything else has
/// the rest of the probability (see `VocabularyDistillation`).
public struct SparseTargets: Sendable {
    /// Tokens kept per position (k).
    public let k: Int
    /// [N × k]; no id twice at a position.
    public let ids: [Int32]
    /// log p at T = 1: [N × k].
    public let logProbabilities: [Float]
    /// c_T = log Σ_{j in V} p_j^(1/T): [N].
    public let logNormalizers: [Double]

    public init(k: Int, ids: [Int32], logProbabilities: [Float], logNormalizers: [Double]) {
        precondition(
            ids.count == logNormalizers.count * k && logProbabilities.count == ids.count,
            "SparseTargets: \(ids.count) ids, \(logProbabilities.count) log-probabilities, \(logNormalizers.count) positions"
        )
        self.k = k
        self.ids = ids
        self.logProbabilities = logProbabilities
        self.logNormalizers = logNormalizers
    }

    /// Targets that say nothing.
    static func none(positions: Int) -> SparseTargets {
        SparseTargets(k: 0, ids: [], logProbabilities: [], logNormalizers: [Double](repeating: 0, count: positions))
    }

    /// Whether nothing is known of a position: no outcome has any probability.
    func isSilent(_ position: Int) -> Bool {
        logProbabilities[position * k..<(position + 1) * k].allSatisfy { $0 == -.infinity }
    }

    /// log p_i(T) = l_i/T − c_T of one position: [k].
    func logProbabilities(_ position: Int, temperature: Double) -> [Double] {
        let normalizer = logNormalizers[position]
        return logProbabilities[position * k..<(position + 1) * k].map { Double($0) / temperature - normalizer }
    }
}
