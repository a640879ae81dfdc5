import Files
public import Formats
public import Foundation

/// One recording made of several teachers' recordings of the same rows.
///
/// The probability of an outcome that a teacher left out is its even share of what that teacher left over,
/// (1 − Σ_K p) / (V − k). Then p = Σ_m w_m p_m is a distribution again. With all outcomes it is exact, at every temperature:
/// teachers are averaged at T = 1 and the average is tempered. With k of V, the k likeliest of all teachers' kept outcomes stay
/// (k is the largest of the recordings'), exact at T = 1 up to those even shares; the rest is a tail marked `uniform`, whose c_T
/// follows from the kept ones at any temperature, approximately (MATH.md, section 2). A teacher that says nothing of a prediction
/// does not count there. States are taken from none.
public struct TargetMixture {
    /// Which teachers speak for a row.
    public enum Rule: String, CaseIterable, Sendable {
        /// All, weighted.
        case mean
        /// The one of the lowest entropy, the tail counted as even; of a row's positions the mean. Of equal ones the first.
        case mostConfident = "most_confident"
    }

    public let rule: Rule
    /// Of each source; they sum to 1.
    public let weights: [Double]
    private let sources: [SoftTargets]
    private let predictions: SoftTargetDescription.Predictions

    /// - Throws: `InputError` unless the recordings are of the same rows, outcomes, classes and tokenizer.
    public init(_ sources: [SoftTargets], weights: [Double], rule: Rule) throws {
        precondition(
            sources.count == weights.count && !sources.isEmpty && weights.allSatisfy { $0 > 0 && $0.isFinite },
            "\(sources.count) sources, weights \(weights)")
        let first = sources[0]
        guard let own = first.description.predictions else {
            throw InputError(file: first.name, problem: "holds no predictions to mix", remedy: "leave it out")
        }
        var kept = own.kept
        for other in sources.dropFirst() {
            func refuse(_ field: String, _ problem: String, _ remedy: String) -> InputError {
                InputError(file: other.name, field: field, problem: problem + " \(first.name)", remedy: remedy)
            }
            guard let predictions = other.description.predictions, predictions.scope == own.scope,
                predictions.outcomes == own.outcomes
            else {
                throw refuse(
                    SoftTargetFile.logProbabilities, "its predictions are for other things than those of",
                    "mix recordings of one task: all per row or per position, over the same outcomes")
            }
            let field = SoftTargetDescription.tokenizer
            if let a = other.description.digests[field], let b = first.description.digests[field], a != b {
                throw refuse(field, "was recorded with another tokenizer than", "record both with one tokenizer")
            }
            if let a = other.description.classes, let b = first.description.classes, a != b {
                throw refuse("classes", "has other classes, or in another order, than", "record both for one order")
            }
            guard other.rows == first.rows else {
                throw refuse(
                    SoftTargetFile.tokens, "holds \(other.rows) rows, not the \(first.rows) of",
                    "record the same texts, cut at the same length")
            }
            let rows = first.distinctRows()
            try other.requireRows(rows.tokens(0..<rows.count))
            kept = max(kept, predictions.kept)
        }
        predictions = .init(scope: own.scope, outcomes: own.outcomes, kept: kept)
        let sum = weights.reduce(0, +)
        self.weights = weights.map { $0 / sum }
        self.sources = sources
        self.rule = rule
    }

    /// What came of it.
    public struct Summary: Sendable {
        public var rows = 0
        public var positions = 0
        /// Rows for which each source spoke; all of them where all are averaged.
        public var rowsOfSource: [Int]
    }

    /// The digests of what made it: those that all recordings share, and all teachers' together.
    public var digests: [String: String] {
        var digests: [String: String] = [:]
        for name in [SoftTargetDescription.tokenizer, SoftTargetDescription.data] {
            let values = Set(sources.compactMap { $0.description.digests[name] })
            if values.count == 1 { digests[name] = values.first }
        }
        let teachers = zip(sources, weights).map { source, weight in
            "\(source.description.digests[SoftTargetDescription.teacher] ?? "") \(weight)"
        }
        digests[SoftTargetDescription.teacher] = Digest.sha256((teachers + [rule.rawValue]).joined(separator: "\n"))
        return digests
    }

    /// Writes the mixture as one file.
    ///
    /// - Parameter progress: hears how many of how many rows are done; what it throws ends the writing.
    public func write(
        to url: URL, digests: [String: String], notes: [String: HDF5Attribute], progress: (Int, Int) throws -> Void
    ) throws -> Summary {
        var description = SoftTargetDescription(predictions: predictions)
        description.hasUniformTail = !predictions.areComplete
        description.classes = sources.lazy.compactMap(\.description.classes).first
        description.digests = digests
        // Of rows that a recording of another program has twice, the first is the one that is found.
        let recorded = sources[0].distinctRows()
        let rows = try recorded.tokens(0..<recorded.count)
        var summary = Summary(rowsOfSource: sources.map { _ in 0 })
        summary.rows = rows.count
        summary.positions = rows.reduce(0) { $0 + $1.count }
        let count = predictions.scope == .row ? rows.count : summary.positions
        try AtomicFile.requireRoom(for: count * predictions.kept * 8 + summary.positions * 4 + (64 << 10), at: url)
        try HDF5File.create(at: url) { file in
            let writer = try SoftTargetWriter(
                file, description, rows: rows, columns: [], plan: TargetPlan(), notes: notes)
            for start in stride(from: 0, to: rows.count, by: 64) {
                let batch = Array(rows[start..<min(start + 64, rows.count)])
                let kept = try sources.map { try $0.predictions(for: batch, scope: predictions.scope) }
                var place = 0
                for row in batch {
                    let range = place..<place + (predictions.scope == .row ? 1 : row.count)
                    place = range.upperBound
                    let weights = weights(kept, range)
                    for (source, weight) in weights.enumerated() where weight > 0 { summary.rowsOfSource[source] += 1 }
                    let mixed = mix(kept, range, weights)
                    try writer.append(
                        ids: predictions.areComplete ? nil : mixed.ids, logProbabilities: mixed.logProbabilities,
                        logNormalizers: [])
                }
                try progress(start + batch.count, rows.count)
            }
        }
        return summary
    }

    /// The weights of the sources for one row, whose predictions are `range`.
    private func weights(_ kept: [KeptPredictions], _ range: Range<Int>) -> [Double] {
        guard rule == .mostConfident else { return weights }
        let entropies = kept.map { source in range.reduce(0) { $0 + source.entropy($1) } }
        let best = entropies.indices.min { entropies[$0] < entropies[$1] }
        return entropies.indices.map { $0 == best ? 1 : 0 }
    }

    private func mix(
        _ kept: [KeptPredictions], _ range: Range<Int>, _ weights: [Double]
    ) -> (ids: [Int32], logProbabilities: [Float]) {
        var (ids, logProbabilities): ([Int32], [Float]) = ([], [])
        for prediction in range {
            let speaking = zip(kept, weights).map { $0.speaks(prediction) ? $1 : 0 }
            let sum = speaking.reduce(0, +)
            guard sum > 0 else {
                let silent = EmptyPredictions(1, predictions)
                ids += silent.ids
                logProbabilities += silent.logProbabilities
                continue
            }
            let weights = speaking.map { $0 / sum }
            // Every candidate starts with the even shares of all teachers; those that kept it put their own in place of theirs.
            let shares = kept.map { $0.evenShare(prediction) }
            let even = zip(weights, shares).reduce(0) { $0 + $1.0 * $1.1 }
            var masses: [Int32: Double] = [:]
            for (source, (weight, share)) in zip(kept, zip(weights, shares)) {
                source.forEachOutcome(of: prediction) { id, logProbability in
                    masses[id, default: even] += weight * (exp(logProbability) - share)
                }
            }
            var ordered = masses.sorted { $0.key < $1.key }
            if !predictions.areComplete {
                ordered.sort { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
            }
            for (id, mass) in ordered.prefix(predictions.kept) {
                ids.append(id)
                logProbabilities.append(Float(log(max(0, mass))))
            }
        }
        return (ids, logProbabilities)
    }
}
