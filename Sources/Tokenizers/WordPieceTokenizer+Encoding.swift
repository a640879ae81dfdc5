extension WordPieceTokenizer {
    public func templateTokens(isPair: Bool) -> Int { isPair ? 3 : 2 }

    /// `[CLS] text [SEP]`, or `[CLS] text [SEP] pair [SEP]` with type 1 from the pair on.
    public func encoding(of text: String, pair: String?, addingSpecialTokens: Bool, maxLength: Int?) -> Encoding {
        let template = addingSpecialTokens ? templateTokens(isPair: pair != nil) : 0
        let limit = (maxLength ?? .max) - template
        precondition(limit >= 0, "maxLength \(maxLength ?? 0) leaves no room for the \(template) tokens of the template")
        let texts = ([text] + (pair.map { [$0] } ?? [])).map(pieces)
        let lengths = Encoding.longestFirst(texts[0].count, pair == nil ? 0 : texts[1].count, limit: limit)
        var ids = addingSpecialTokens ? [bert.classification] : []
        var typeIDs: [Int32] = addingSpecialTokens ? [0] : []
        var isSpecial = typeIDs.map { _ in true }
        for (index, text) in texts.enumerated() {
            let kept = text.prefix(index == 0 ? lengths.first : lengths.second)
            let closing = addingSpecialTokens ? [bert.separator] : []
            ids += kept + closing
            typeIDs += Array(repeating: Int32(index), count: kept.count + closing.count)
            isSpecial += kept.map { _ in false } + closing.map { _ in true }
        }
        return Encoding(ids: ids, typeIDs: typeIDs, isSpecial: isSpecial, offsets: ids.map { _ in 0..<0 })
    }

    /// The ids of a text without its template.
    private func pieces(_ text: String) -> [Int32] {
        Array(encode(text, maxLength: .max).dropFirst().dropLast())
    }
}
