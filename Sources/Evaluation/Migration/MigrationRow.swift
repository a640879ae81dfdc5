import Foundation

/// One example of a migration: what was asked, what both versions answered, and what came of it.
public struct MigrationRow: Sendable, Encodable {
    /// What one version answered, and what it took.
    public struct Answer: Sendable, Encodable {
        public var text: String
        public var promptTokens: Int?
        public var completionTokens: Int?
        public var latencyMs: Double?
        /// In the currency of the price table.
        public var cost: Double?
        /// The cosine with what is expected, where an embedding model was given.
        public var similarity: Double?
        /// The task metric against what is expected, 0…1.
        public var score: Double?
        /// Why it is no document of the JSON Schema.
        public var jsonFault: String?
        /// Whether it is good enough.
        public var passed = false

        public init(
            text: String, promptTokens: Int? = nil, completionTokens: Int? = nil, latencyMs: Double? = nil,
            cost: Double? = nil
        ) {
            self.text = text
            self.promptTokens = promptTokens
            self.completionTokens = completionTokens
            self.latencyMs = latencyMs
            self.cost = cost
        }
    }

    public enum Verdict: String, Sendable, Encodable, CaseIterable {
        /// Equal but for blanks at the ends.
        case same
        /// Another text, and both are good enough.
        case equivalent
        /// Only the new one is good enough.
        case improved
        /// Only the old one is good enough.
        case regressed
        /// Another text, and neither is good enough.
        case failing
    }

    /// What a person should look at.
    public enum Risk: String, Sendable, Encodable, CaseIterable {
        case regression
        case invalidJSON = "invalid_json"
        /// Valid JSON, were it not for the fence of a code block around it.
        case fencedJSON = "fenced_json"
        case empty
        case refusal
        /// Numbers in the new text are not those of the old one.
        case numbersDiffer = "numbers_differ"
        /// Twice as long as before, or more; half as long, or less.
        case longer, shorter
        /// Costs half as much again, or more.
        case costlier
    }

    public var id: String
    public var owner: String?
    public var priority: String?
    public var prompt: String
    public var expected: String?
    public var threshold: Double
    public var old: Answer
    public var new: Answer
    /// The cosine of the old and the new text, where an embedding model was given.
    public var similarity: Double?
    public private(set) var verdict = Verdict.failing
    public private(set) var risks: [Risk] = []

    /// Judges the answers, whose `similarity`, `score` and `jsonFault` are set.
    ///
    /// An answer is good enough if it is a document of the schema, where there is one, and equals what is expected, or comes as
    /// near to it as `threshold`: in meaning where an embedding model was given, else by the score. Where nothing is expected
    /// the old answer is what the new one is held to.
    public init(
        id: String, owner: String?, priority: String?, prompt: String, expected: String?, threshold: Double,
        old: Answer, new: Answer, similarity: Double?, checksJSON: Bool
    ) {
        (self.id, self.owner, self.priority, self.prompt) = (id, owner, priority, prompt)
        (self.expected, self.threshold, self.similarity) = (expected, threshold, similarity)
        (self.old, self.new) = (old, new)
        let isSame = Self.trimmed(old.text) == Self.trimmed(new.text)
        if let expected {
            for side in [\MigrationRow.old, \MigrationRow.new] {
                let answer = self[keyPath: side]
                let isNear = (answer.similarity ?? answer.score ?? 0) >= threshold
                self[keyPath: side].passed =
                    answer.jsonFault == nil && (isNear || Self.trimmed(answer.text) == Self.trimmed(expected))
            }
        } else {
            self.old.passed = old.jsonFault == nil
            // With a schema and nothing else to go by, its documents are good enough.
            let isNear = similarity.map { $0 >= threshold } ?? new.score.map { $0 >= threshold } ?? checksJSON
            self.new.passed = new.jsonFault == nil && (isSame || isNear)
        }
        verdict =
            if isSame {
                .same
            } else {
                switch (self.old.passed, self.new.passed) {
                case (true, true): .equivalent
                case (true, false): .regressed
                case (false, true): .improved
                case (false, false): .failing
                }
            }
        risks = foundRisks()
    }

    private func foundRisks() -> [Risk] {
        var risks: [Risk] = []
        let (before, after) = (Self.trimmed(old.text), Self.trimmed(new.text))
        if verdict == .regressed { risks.append(.regression) }
        if new.jsonFault != nil { risks.append(Self.isFenced(after) ? .fencedJSON : .invalidJSON) }
        if after.isEmpty, !before.isEmpty { risks.append(.empty) }
        if Self.isRefusal(after), !Self.isRefusal(before) { risks.append(.refusal) }
        if verdict != .same, Self.numbers(before) != Self.numbers(after) { risks.append(.numbersDiffer) }
        if !before.isEmpty, after.count >= 2 * before.count { risks.append(.longer) }
        if !after.isEmpty, 2 * after.count <= before.count { risks.append(.shorter) }
        if let cost = old.cost, let newCost = new.cost, cost > 0, newCost >= 1.5 * cost { risks.append(.costlier) }
        return risks
    }

    static func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }

    private static func isFenced(_ text: String) -> Bool {
        guard text.hasPrefix("```"), text.hasSuffix("```"), text.count > 6 else { return false }
        let inside = text.dropFirst(3).dropLast(3).drop { $0 != "\n" }
        return (try? JSONTree(parsing: String(inside))) != nil
    }

    private static func isRefusal(_ text: String) -> Bool {
        let beginning = text.prefix(120).lowercased().replacing("’", with: "'")
        return [
            "i can't", "i cannot", "i'm sorry", "i am sorry", "sorry, but", "i'm unable", "i am unable", "as an ai",
            "i won't", "unfortunately, i can",
        ].contains { beginning.contains($0) }
    }

    /// The numbers in a text, sorted, thousands separators left out.
    private static func numbers(_ text: String) -> [String] {
        let expression = try? NSRegularExpression(pattern: "[0-9]+(?:[.,][0-9]+)*")
        let range = NSRange(text.startIndex..., in: text)
        return (expression?.matches(in: text, range: range) ?? []).compactMap { match in
            Range(match.range, in: text).map { String(text[$0]).replacing(",", with: "") }
        }.sorted()
    }
}
