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

extension HeadRecord {
    /// Writes `heads.csv`: a line per head of the unpruned model, in the order of layer and head.
    ///
    /// - Throws: `InputError` if the file cannot be written.
    public static func write(_ records: [HeadRecord], to url: URL) throws {
        let lines = records.map { record in
            [
                "\(record.layer)", "\(record.head)", "\(record.score)", "\(record.low)", "\(record.high)",
                cell(record.rankStability), cell(record.removedInRound),
            ]
        }
        try writeTable(["layer", "head", "score", "low", "high", "rank_stability", "removed_in_round"], lines, to: url)
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
