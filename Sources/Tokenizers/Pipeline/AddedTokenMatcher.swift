import Files

/// Finds added tokens in a text: at each place the longest, from left to right.
struct AddedTokenMatcher: Sendable {
    /// A part of a text; with `token` it is that token, white space that the token takes included.
    struct Part {
        var range: Range<Int>
        var token: Int32?
    }

    private var tokens: [Int32: AddedToken] = [:]
    private var trie: PieceTrie
    /// Whether a token begins with the byte.
    private var begins = [Bool](repeating: false, count: 256)

    /// - Parameter normalizer: what the text has been through in which the tokens are looked for.
    /// - Throws: `InputError` when a token is normalized to nothing, or two to the same.
    init(_ added: [AddedToken], _ normalizer: Normalizer?, file: String?) throws {
        trie = PieceTrie()
        var bytes = 0
        for token in added {
            let pattern = Array(try token.normalizedContent(normalizer, file: file).utf8)
            bytes += pattern.count
            guard bytes < PieceTrie.maximumNodes else {
                throw InputError(
                    file: file, field: "added_tokens",
                    problem: "the tokens have more than \(PieceTrie.maximumNodes) bytes together",
                    remedy: "take the file from the model's publisher again")
            }
            let earlier = pattern.isEmpty ? nil : trie.insert(pattern, id: token.id)
            guard let first = pattern.first, earlier == nil else {
                throw InputError(
                    file: file, field: "added_tokens",
                    problem: "`\(token.content)` is normalized to nothing, or to the same as another token",
                    remedy: "set its `normalized` to false")
            }
            begins[Int(first)] = true
            tokens[token.id] = token
        }
    }

    /// The parts of a text in order. They cover it, unless a token takes white space that a later one is made of.
    func parts(of text: UnsafeBufferPointer<UInt8>) -> [Part] {
        guard !tokens.isEmpty, !text.isEmpty else { return [Part(range: 0..<text.count, token: nil)] }
        var parts: [Part] = []
        var (position, covered) = (0, 0)
        trie.withReader { reader in
            while position < text.count {
                guard begins[Int(text[position])],
                    let match = reader.longestMatch(from: PieceTrie.Reader.root, in: text, at: position),
                    let token = tokens[match.id]
                else {
                    position += 1
                    continue
                }
                if let range = self.range(of: token, in: text, at: position..<match.end, covered: covered) {
                    if covered < range.lowerBound { parts.append(Part(range: covered..<range.lowerBound)) }
                    parts.append(Part(range: range, token: token.id))
                    covered = range.upperBound
                }
                position = match.end
            }
        }
        if covered != text.count { parts.append(Part(range: covered..<max(covered, text.count))) }
        return parts
    }

    /// What a match takes; nil when it does not stand alone although it must.
    private func range(
        of token: AddedToken, in text: UnsafeBufferPointer<UInt8>, at match: Range<Int>, covered: Int
    ) -> Range<Int>? {
        func isWord(_ scalar: Unicode.Scalar) -> Bool {
            ScalarClass.mask(of: scalar) & ScalarClass.wordWithJoiners != 0
        }
        if token.isSingleWord {
            if match.lowerBound > 0, isWord(text.scalar(before: match.lowerBound).0) { return nil }
            if match.upperBound < text.count, isWord(text.scalar(at: match.upperBound).0) { return nil }
        }
        var (start, end) = (match.lowerBound, match.upperBound)
        if token.stripsLeft {
            while start > 0, case (let scalar, let length) = text.scalar(before: start), scalar.properties.isWhitespace
            {
                start -= length
            }
            start = max(start, covered)
        }
        if token.stripsRight {
            while end < text.count, case (let scalar, let length) = text.scalar(at: end), scalar.properties.isWhitespace
            {
                end += length
            }
        }
        return start..<max(start, end)
    }
}
