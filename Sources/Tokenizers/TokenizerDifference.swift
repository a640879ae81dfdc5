/// How two tokenizers differ: token id by token id, in their settings, and in what they make of texts.
public struct TokenizerDifference: Sendable, Equatable, Encodable, CustomStringConvertible {
    /// One id that does not mean the same in both; nil where a vocabulary ends before it.
    public struct Entry: Sendable, Equatable, Encodable {
        public let id: Int32
        public let first: String?
        public let second: String?
    }

    /// A text that gets different ids.
    public struct Text: Sendable, Equatable, Encodable {
        public let text: String
        /// Its ids by the first tokenizer, without the template, from the first difference on; a few of them.
        public let first: [Int32]
        /// The same by the second.
        public let second: [Int32]
        /// How many ids before that are equal.
        public let equalIDs: Int
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
    /// Tokens with a role of their own whose ids differ, such as `separator: 102 and 3`.
    public let special: [String]
    /// How many texts were compared.
    public let comparedTexts: Int
    /// How many of them get different ids.
    public let differingTexts: Int
    /// The first of them.
    public let texts: [Text]

    public var description: String { lines.joined(separator: "; ") }

    /// A line for each kind of difference.
    public var lines: [String] {
        var lines = settings
        if !special.isEmpty { lines.append("special tokens: " + special.joined(separator: ", ")) }
        if differingTexts > 0 {
            let shown = texts.map {
                "`\($0.text)` from id \($0.equalIDs) on: \(short($0.first)) and \(short($0.second))"
            }
            lines.append(
                "\(differingTexts) of \(comparedTexts) texts get other ids: " + list(shown, of: differingTexts))
        } else {
            lines.append("all \(comparedTexts) texts get the same ids")
        }
        if firstCount != secondCount { lines.append("\(firstCount) and \(secondCount) tokens") }
        if differingIDs > 0 {
            let shown = examples.map { "\($0.id) is \($0.first.quoted) and \($0.second.quoted)" }
            lines.append("\(differingIDs) ids differ: " + list(shown, of: differingIDs))
        }
        return lines
    }

    private func list(_ shown: [String], of count: Int) -> String {
        shown.joined(separator: ", ") + (count > shown.count ? ", …" : "")
    }

    private func short(_ ids: [Int32]) -> String {
        ids.isEmpty ? "nothing" : ids.map(String.init).joined(separator: " ")
    }
}

extension Tokenizer {
    /// What gives a text other ids under `other` than here; nil when nothing does.
    ///
    /// A student that learns from recorded targets, or that copies embeddings, needs the teacher's very ids: the count
    /// of tokens alone proves nothing.
    ///
    /// - Parameters:
    ///   - limit: the most examples of each kind to name.
    ///   - sample: the texts whose ids are compared.
    public func difference(
        from other: any Tokenizer, limit: Int = 5, sample: [String] = TokenizerSample.texts
    ) -> TokenizerDifference? {
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
        let texts = differingTexts(sample, from: other)
        return TokenizerDifference(
            firstCount: vocabularySize, secondCount: other.vocabularySize, differingIDs: differing,
            examples: examples, settings: settings.differences(from: other.settings),
            special: special.byRole.differences(from: other.special.byRole), comparedTexts: sample.count,
            differingTexts: texts.count, texts: Array(texts.prefix(limit)))
    }

    private func differingTexts(_ sample: [String], from other: any Tokenizer) -> [TokenizerDifference.Text] {
        let texts = sample.map { (text: $0, pair: String?.none) }
        let (ours, theirs) = (
            encodings(of: texts, addingSpecialTokens: false), other.encodings(of: texts, addingSpecialTokens: false)
        )
        return sample.indices.compactMap { index in
            let (first, second) = (ours[index].ids, theirs[index].ids)
            guard first != second else { return nil }
            let equal = zip(first, second).prefix { $0 == $1 }.count
            return .init(
                text: String(sample[index].prefix(40)), first: Array(first.dropFirst(equal).prefix(4)),
                second: Array(second.dropFirst(equal).prefix(4)), equalIDs: equal)
        }
    }
}

extension SpecialTokens {
    /// The roles that a token has, with its id.
    fileprivate var byRole: [(name: String, value: String)] {
        let roles = [
            ("pad", pad), ("unknown", unknown), ("classification", classification), ("separator", separator),
            ("mask", mask), ("beginning", beginning), ("end", end),
        ]
        return roles.compactMap { name, id in id.map { (name, String($0)) } }
    }
}

extension [(name: String, value: String)] {
    /// What is set here and there to different values, as `name: here and there`.
    fileprivate func differences(from other: Self) -> [String] {
        let names = map(\.name) + other.map(\.name).filter { name in !contains { $0.name == name } }
        return names.compactMap { name in
            let values = [self, other].map { $0.first { $0.name == name }?.value ?? "not set" }
            return values[0] == values[1] ? nil : "\(name): \(values[0]) and \(values[1])"
        }
    }
}

extension String? {
    fileprivate var quoted: String { map { "`\($0)`" } ?? "missing" }
}
