import Files

extension GGUFVocabulary {
    /// BERT's tokenizer as GGUF files hold it: pieces that begin a word carry `▁`, those inside of one carry nothing.
    ///
    /// - Parameter rows: rows of the model's table; where they are more than the tokens, unused tokens fill them.
    /// - Throws: `InputError` if llama.cpp, which reads texts in lower case and without accents, would make other tokens.
    public init(_ pieces: WordPieceTokenizer, rows: Int) throws {
        guard pieces.lowercase, pieces.stripAccents else {
            throw Self.refusal("tells capitals or accents apart, and llama.cpp's WordPiece does not")
        }
        guard pieces.vocabularySize <= rows else {
            throw Self.refusal("has \(pieces.vocabularySize) tokens, the model's table \(rows) rows")
        }
        self.init(
            model: "bert", pre: "default",
            tokens: pieces.vocabulary.map { token in
                if token.hasPrefix(WordPieceTokenizer.continuation) {
                    return String(token.dropFirst(WordPieceTokenizer.continuation.count))
                }
                return token.hasPrefix("[") && token.hasSuffix("]") ? token : "\u{2581}" + token
            })
        special = pieces.special
        (special.beginning, special.end) = (special.classification, special.separator)
        let controls = [special.pad, special.classification, special.separator, special.mask]
        types = (0..<Int32(tokens.count)).map { controls.contains($0) ? 3 : $0 == special.unknown ? 2 : 1 }
        fillRows(to: rows)
    }

    /// Adds unused tokens for the rows that the vocabulary does not reach.
    mutating func fillRows(to rows: Int) {
        for index in tokens.count..<rows {
            tokens.append("[PAD\(index)]")
            types.append(5)
            if !scores.isEmpty { scores.append(-1e9) }
        }
    }
}
