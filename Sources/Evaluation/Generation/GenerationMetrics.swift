import Foundation

/// How near generated texts come to the expected ones. No value depends on the order of the rows.
public struct GenerationMetrics: Sendable {
    /// What is known of one row.
    public struct Row: Sendable, Equatable {
        /// Whether the texts are equal but for blanks at their ends.
        public let isExact: Bool
        public let bleu: BLEU.Counts
        public let characters: CharacterFScore.Counts
        public let rouge: ROUGE

        public init(_ text: String, expected: String) {
            let blanks = CharacterSet.whitespacesAndNewlines
            isExact = text.trimmingCharacters(in: blanks) == expected.trimmingCharacters(in: blanks)
            bleu = BLEU.Counts(text, reference: expected)
            characters = CharacterFScore.Counts(text, reference: expected)
            rouge = ROUGE(text, reference: expected)
        }

        /// chrF of the row alone, 0…100.
        public var chrf: Double { characters.score(withWords: false) }
    }

    public let rows: [Row]

    /// - Parameters:
    ///   - texts: N generated texts.
    ///   - expected: N texts.
    public init(_ texts: [String], expected: [String]) {
        precondition(texts.count == expected.count, "\(texts.count) texts, \(expected.count) expected")
        rows = zip(texts, expected).map { Row($0, expected: $1) }
    }

    /// A metric over some rows, one row perhaps more than once; nil for a metric that is not of texts, and for no rows.
    public func value(_ metric: Gate.Metric, rows chosen: [Int]) -> Double? {
        guard !chosen.isEmpty else { return nil }
        // Summed in ascending order: the same bits whatever the order of the rows.
        func mean(_ value: (Row) -> Double) -> Double {
            chosen.map { value(rows[$0]) }.sorted().reduce(0, +) / Double(chosen.count)
        }
        func characters() -> CharacterFScore.Counts {
            chosen.reduce(into: CharacterFScore.Counts()) { $0 += rows[$1].characters }
        }
        switch metric {
        case .exactMatch: return mean { $0.isExact ? 1 : 0 }
        case .chrf: return characters().score(withWords: false)
        case .chrfPlusPlus: return characters().score(withWords: true)
        case .bleu: return chosen.reduce(into: BLEU.Counts()) { $0 += rows[$1].bleu }.score
        case .rouge1: return mean(\.rouge.one)
        case .rouge2: return mean(\.rouge.two)
        case .rougeL: return mean(\.rouge.longest)
        default: return nil
        }
    }
}
