public import Evaluation
public import Foundation

/// A report that can be printed, written and held against gates, whatever the task.
public protocol ComparisonReport: RunReport {
    /// `report.json`.
    func json() throws -> Data
    /// Writes the report's files into a directory.
    func write(to directory: URL) throws
    /// The statistics of the judged model against the other, in words.
    var pairedLines: [String] { get }
    /// A table for each of these columns that the rows were sliced by.
    func sliceLines(_ columns: [String]) -> [String]
    /// The rows that a failed gate is about, in words; the worst first.
    var failingLines: [String] { get }
}

extension Report: ComparisonReport {
    public var pairedLines: [String] {
        pairs.filter { $0.a == reference && $0.b == subject }.map { pair in
            let difference = pair.accuracyDifference
            let divergence = pair.divergence.map {
                String(format: ", mean KL %.4f ± %.4f", $0.mean, $0.standardError)
            }
            return String(
                format: "accuracy of %@ against %@: %+.1f points (95%% interval %+.1f to %+.1f), agreement %.1f%%%@, "
                    + "McNemar p %.3f, %d lost, %d won, detectable %.1f points", pair.b as NSString,
                pair.a as NSString, difference.value * 100, difference.low * 100, difference.high * 100,
                pair.agreement * 100, (divergence ?? "") as NSString, pair.mcnemarP, pair.flips.lost, pair.flips.won,
                pair.minimumDetectableEffect * 100)
        }
    }

    public var failingLines: [String] { failingRows.map(described) }
}

extension ScoreReport: ComparisonReport {
    public var pairedLines: [String] {
        models.compactMap { model in
            model.paired.map { paired in
                String(
                    format: "%@ of %@ minus %@: %+.4g (95%% interval %+.4g to %+.4g), Wilcoxon p %.3f, %d rows worse, "
                        + "%d better, detectable %.4g", paired.error as NSString, model.key as NSString,
                    reference as NSString, paired.difference.value, paired.difference.low, paired.difference.high,
                    paired.wilcoxonP, paired.worse, paired.better, paired.minimumDetectableEffect)
            }
        }
    }

    public var failingLines: [String] {
        failingSamples.map { sample in
            let text = sample.text.split(whereSeparator: \.isNewline).joined(separator: " ")
            let answer = sample.answers[subject].map { ", got \($0.prefix(60))" } ?? ""
            return "\(sample.id): expected \((sample.expected ?? "–").prefix(60))\(answer): \(text.prefix(60))"
        }
    }
}
