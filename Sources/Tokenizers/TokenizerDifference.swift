/// How two tokenizers differ, token id by token id.
public struct TokenizerDifference: Sendable, Equatable, CustomStringConvertible {
    /// One id that does not mean the same in both; nil where a vocabulary ends before it.
    public struct Entry: Sendable, Equatable {
        public let id: Int32
        public let first: String?
        public let second: String?
    }

    /// How many tokens the first vocabulary has.
    public let firstCount: Int
    /// How many tokens the second vocabulary has.
    public let secondCount: Int
    /// How many ids do not mean the same token in both.
    public let differingIDs: Int
    /// The first of them.
    public let examples: [Entry]
    /// Settings that differ, such as `lowercase: true and false`.
    public let settings: [String]

    public var description: String {
        var parts = settings
        if firstCount != secondCount { parts.append("\(firstCount) and \(secondCount) tokens") }
        if differingIDs > 0 {
            let shown = examples.map { "\($0.id) is \($0.first.quoted) and \($0.second.quoted)" }
            parts.append(
                "\(differingIDs) ids differ: " + shown.joined(separator: ", ")
                    + (differingIDs > shown.count ? ", …" : ""))
        }
        return parts.joined(separator: "; ")
    }
}

extension Tokenizer {
    /// What gives a text other ids under `other` than here; nil when nothing does.
    ///
    /// A student that learns from recorded targets, or that copies embeddings, needs the teacher's very ids: the count
    /// of tokens alone proves nothing.
    ///
    /// - Parameter limit: the most examples to name.
    public func difference(from other: any Tokenizer, limit: Int = 5) -> TokenizerDifference? {
        guard digest != other.digest else { return nil }
        var examples: [TokenizerDifference.Entry] = []
        var differing = 0
        for index in 0..<max(vocabularySize, other.vocabularySize) {
            let id = Int32(index)
            let first = index < vocabularySize ? token(id) : nil
            let second = index < other.vocabularySize ? other.token(id) : nil
            // By bytes: strings compare equal when they are only canonically equivalent.
            if let first, let second, first.utf8.elementsEqual(second.utf8) { continue }
            differing += 1
            if examples.count < limit { examples.append(.init(id: id, first: first, second: second)) }
        }
        return TokenizerDifference(
            firstCount: vocabularySize, secondCount: other.vocabularySize, differingIDs: differing,
            examples: examples, settings: Self.differing(settings, other.settings))
    }

    private static func differing(
        _ first: [(name: String, value: String)], _ second: [(name: String, value: String)]
    ) -> [String] {
        let names = first.map(\.name) + second.map(\.name).filter { name in !first.contains { $0.name == name } }
        return names.compactMap { name in
            let values = [first, second].map { $0.first { $0.name == name }?.value ?? "not set" }
            return values[0] == values[1] ? nil : "\(name): \(values[0]) and \(values[1])"
        }
    }
}

extension String? {
    fileprivate var quoted: String { map { "`\($0)`" } ?? "missing" }
}
