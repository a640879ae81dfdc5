extension WordPieceTokenizer {
    /// The ids that a smaller vocabulary needs so that some texts get the same pieces: those that the texts use, the special
    /// and added tokens, and all pieces of one character, by which new words can still be spelled.
    ///
    /// A word is cut greedily into the longest pieces, so pieces that are never chosen do not change what is.
    public func neededTokens(for used: Set<Int32>) -> [Int32] {
        let kept = Set(addedTokens).union(used)
        return vocabulary.indices.map(Int32.init).filter { id in
            kept.contains(id) || Self.isCharacter(vocabulary[Int(id)])
        }
    }

    /// The tokenizer with these tokens alone, in this order; a token's new id is its place.
    ///
    /// - Throws: `InputError` if one of the five tokens that the model needs is not among them.
    public func keeping(_ tokens: [Int32]) throws -> WordPieceTokenizer {
        let places = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($0.element, Int32($0.offset)) })
        return try WordPieceTokenizer(
            vocabulary: tokens.map { vocabulary[Int($0)] }, lowercase: lowercase, stripAccents: stripAccents,
            addedTokens: addedTokens.compactMap { places[$0] }, source: VocabularySource())
    }

    private static func isCharacter(_ token: String) -> Bool {
        let scalars = token.unicodeScalars
        return scalars.count == 1 || scalars.count == 3 && token.hasPrefix(continuation)
    }
}
