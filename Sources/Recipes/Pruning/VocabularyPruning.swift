public import Files
public import Tokenizers

/// A WordPiece vocabulary without the tokens that some texts never use; see `WordPieceTokenizer.neededTokens`.
public struct VocabularyPruning {
    public let tokenizer: WordPieceTokenizer
    /// The ids of the whole vocabulary that stay, in the order of their new ids.
    public let kept: [Int32]

    /// - Parameters:
    ///   - texts: counted whole, so that words at the end of what a model reads keep their pieces.
    ///   - refusal: what to throw for a tokenizer of another kind, from the problem with it.
    public init(
        of tokenizer: any Tokenizer, for texts: [String], refusal: (_ problem: String) -> InputError
    ) throws {
        guard let wordPiece = tokenizer as? WordPieceTokenizer else { throw refusal(Self.problem) }
        kept = wordPiece.neededTokens(for: Set(wordPiece.encode(texts, maxLength: 1 << 20).joined()))
        self.tokenizer = try wordPiece.keeping(kept)
    }

    private static let problem =
        "the tokenizer is not BERT's WordPiece; of others a piece may be needed on the way to another"
}
