extension WordPieceTokenizer {
    public func isSpecial(_ id: Int32) -> Bool { addedTokens.contains(id) }

    public func bytes(of id: Int32) -> [UInt8] {
        guard vocabulary.indices.contains(Int(id)) else { return [] }
        let token = self.token(id)
        guard token.hasPrefix(Self.continuation) else { return Array((" " + token).utf8) }
        return Array(token.utf8.dropFirst(Self.continuation.utf8.count))
    }

    /// Joins the pieces of words, puts blanks between words, and takes those before punctuation and contractions away.
    public func decode(_ ids: [Int32], skippingSpecialTokens: Bool) -> String {
        let tokens = ids.filter {
            vocabulary.indices.contains(Int($0)) && !(skippingSpecialTokens && isSpecial($0))
        }.map(token)
        return WordPieceDecoder(prefix: Self.continuation, cleansUp: true).decode(tokens).joined()
    }
}
