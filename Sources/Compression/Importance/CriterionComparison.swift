import Files
public import Foundation
public import Tensors

/// What each of several criteria says of the same model on the same examples, and which heads it would remove.
public struct CriterionComparison: Sendable {
    public struct Entry: Sendable {
        public let criterion: ImportanceCriterion
        /// Of the heads, normalized.
        public let scores: ImportanceScores
        /// The heads that the criterion would remove.
        public let chosen: Set<LayerUnit>
        /// Seconds that the measurement took.
        public let seconds: Double
    }

    public let entries: [Entry]

    /// The criteria that can be measured on these examples without masking heads one by one.
    public static func quickCriteria(_ calibration: CalibrationSequences?) -> [ImportanceCriterion] {
        ImportanceCriterion.allCases.filter { criterion in
            switch criterion.requirement {
            case .nothing: true
            case .texts: calibration != nil && criterion != .ablation
            case .labels: calibration.map { $0.target != .ownOutputs } ?? false
            }
        }
    }

    /// Measures every criterion on its own, so that each has its own cost.
    ///
    /// - Parameters:
    ///   - count: heads to remove.
    ///   - minimum: heads that stay in every layer.
    /// - Throws: `InputError` if a criterion cannot be measured, or so many heads cannot go.
    public init(
        of model: some ScorableModel, by criteria: [ImportanceCriterion], on calibration: CalibrationSequences?,
        normalize: ScoreNormalization, removing count: Int, keepingAtLeast minimum: Int, key: RandomKey
    ) throws {
        entries = try criteria.map { criterion in
            let start = ContinuousClock.now
            let scores = try criterion.importance(
                of: model, calibration: calibration, normalize: normalize, key: key, neurons: false
            ).heads
            return Entry(
                criterion: criterion, scores: scores,
                chosen: Set(try LayerUnit.lowest(count, in: scores.values, keepingAtLeast: minimum)),
                seconds: (ContinuousClock.now - start) / .seconds(1))
        }
    }

    /// Spearman's correlation of each criterion's scores with those of one of them, nil where there is nothing to rank.
    public func agreement(with reference: ImportanceCriterion) -> [ImportanceCriterion: Double] {
        guard let reference = entries.first(where: { $0.criterion == reference }) else { return [:] }
        let pairs = entries.map {
            (
                $0.criterion,
                RankCorrelation.spearman(Array($0.scores.values.joined()), Array(reference.scores.values.joined()))
            )
        }
        return Dictionary(uniqueKeysWithValues: pairs.compactMap { pair in pair.1.map { (pair.0, $0) } })
    }

    /// Writes `criteria.csv`: a line per criterion and head, with the score, its interval and whether the criterion would
    /// remove the head.
    ///
    /// - Throws: `InputError` if the file cannot be written.
    public func write(to url: URL) throws {
        var text = "criterion,layer,head,score,low,high,would_remove\n"
        for entry in entries {
            for (layer, scores) in entry.scores.values.enumerated() {
                for (head, score) in scores.enumerated() {
                    let interval = entry.scores.intervals?[layer][head] ?? score...score
                    let removed = entry.chosen.contains(LayerUnit(layer: layer, index: head))
                    text +=
                        "\(entry.criterion.rawValue),\(layer),\(head),\(score),\(interval.lowerBound),"
                        + "\(interval.upperBound),\(removed ? "yes" : "no")\n"
                }
            }
        }
        try AtomicFile.write(text, to: url)
    }
}
