import Files
public import Foundation

/// What is known about one head of the unpruned model.
public struct HeadRecord: Codable, Equatable, Sendable {
    public let layer: Int
    /// The head's number in the unpruned model.
    public let head: Int
    /// The score of the last round in which the head was there, with its 95 % interval. The interval's ends equal the
    /// score where the criterion has no sampling error.
    public let score: Double
    public let low: Double
    public let high: Double
    /// How well two halves of the calibration examples agreed on the order of the heads in that round; see
    /// `ImportanceScores`.
    public let rankStability: Double?
    /// The round of the score, from 1.
    public let roundScored: Int
    /// The round in which the head was removed, from 1; nil for a head that is still there.
    public let removedInRound: Int?

    /// Whether the examples tell the score from zero: its interval does not reach down to it. Nil where no interval could;
    /// see `ImportanceScores.canBeZero`.
    public let isTold: Bool?
}

/// What one round did to a layer's feed-forward block.
public struct FeedForwardRecord: Codable, Equatable, Sendable {
    public let layer: Int
    /// From 1.
    public let round: Int
    /// Neurons before and after the round.
    public let before: Int
    public let after: Int
    /// The removed neurons' share of the sum of the layer's scores.
    public let removedScoreShare: Double
    /// How well two halves of the calibration examples agreed on the order of all neurons.
    public let rankStability: Double?
}

/// What is known about a whole layer of the unpruned model.
public struct LayerRecord: Codable, Equatable, Sendable {
    public let layer: Int
    /// 1 − mean cos(h_in, h_out) with its 95 % interval; see `LayerRedundancy`.
    public let score: Double
    public let low: Double
    public let high: Double
    public let isRemoved: Bool

    /// The layers with the lowest scores.
    ///
    /// - Throws: `InputError` if no layer would be left.
    public static func lowest(_ count: Int, in scores: ImportanceScores) throws -> Set<Int> {
        guard count < scores.values.count else {
            throw InputError(
                field: "prune.layers.keep", problem: "\(count) of \(scores.values.count) layers are to go",
                remedy: "keep at least one")
        }
        return Set(try LayerUnit.lowest(max(0, count), in: scores.values, keepingAtLeast: 0).map(\.layer))
    }

    public static func records(_ scores: ImportanceScores, removed: Set<Int>) -> [LayerRecord] {
        scores.values.enumerated().map { layer, values in
            let interval = scores.intervals?[layer][0] ?? values[0]...values[0]
            return LayerRecord(
                layer: layer, score: values[0], low: interval.lowerBound, high: interval.upperBound,
                isRemoved: removed.contains(layer))
        }
    }

    /// Writes `layers.csv`: a line per layer of the unpruned model. Heads are counted in the layers that are left.
    ///
    /// - Throws: `InputError` if the file cannot be written.
    public static func write(_ records: [LayerRecord], to url: URL) throws {
        let lines = records.map {
            ["\($0.layer)", "\($0.score)", "\($0.low)", "\($0.high)", $0.isRemoved ? "yes" : "no"]
        }
        try writeTable(["layer", "score", "low", "high", "removed"], lines, to: url)
    }
}

extension HeadRecord {
    /// Writes `heads.csv`: a line per head of the unpruned model, in the order of layer and head. `told_from_zero` says
    /// whether the interval lies above zero; it is empty where the criterion's scores always do.
    ///
    /// - Throws: `InputError` if the file cannot be written.
    public static func write(_ records: [HeadRecord], to url: URL) throws {
        let lines = records.map { record in
            [
                "\(record.layer)", "\(record.head)", "\(record.score)", "\(record.low)", "\(record.high)",
                cell(record.rankStability), cell(record.removedInRound), cell(record.isTold.map { $0 ? "yes" : "no" }),
            ]
        }
        try writeTable(
            ["layer", "head", "score", "low", "high", "rank_stability", "removed_in_round", "told_from_zero"], lines,
            to: url)
    }
}

extension FeedForwardRecord {
    /// Writes `feed_forward.csv`: a line per round and layer.
    ///
    /// - Throws: `InputError` if the file cannot be written.
    public static func write(_ records: [FeedForwardRecord], to url: URL) throws {
        let lines = records.map { record in
            [
                "\(record.layer)", "\(record.round)", "\(record.before)", "\(record.after)",
                "\(record.removedScoreShare)", cell(record.rankStability),
            ]
        }
        try writeTable(["layer", "round", "before", "after", "removed_score_share", "rank_stability"], lines, to: url)
    }
}

/// An unknown value is an empty cell.
private func cell<Value>(_ value: Value?) -> String {
    value.map { "\($0)" } ?? ""
}

/// No cell needs quotes: all are numbers.
private func writeTable(_ columns: [String], _ lines: [[String]], to url: URL) throws {
    let text = ([columns] + lines).map { $0.joined(separator: ",") + "\n" }.joined()
    try AtomicFile.write(text, to: url)
}
