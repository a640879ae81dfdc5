import Foundation
import Testing
import Tokenizers

@Suite("Difference of tokenizers")
struct TokenizerDifferenceTests {
    private static let special = SpecialTokens.names

    @Test("names special tokens and the first texts whose ids differ")
    func specialTokensAndTexts() throws {
        let first = try WordPieceTokenizer(vocabulary: Self.special + ["a", "b"])
        let other = try WordPieceTokenizer(vocabulary: ["[UNK]", "[PAD]"] + Self.special[2...] + ["b", "a"])
        let difference = try #require(
            first.difference(from: other, limit: 1, sample: ["[MASK]", "[MASK] a b", "b", "x"]))
        #expect(difference.special == ["pad: 0 and 1", "unknown: 1 and 0"])
        #expect((difference.comparedTexts, difference.differingTexts) == (4, 3))
        #expect(difference.texts.map(\.text) == ["[MASK] a b"])
        #expect(difference.texts.map(\.equalIDs) == [1])
        #expect(
            difference.lines == [
                "special tokens: pad: 0 and 1, unknown: 1 and 0",
                "3 of 4 texts get other ids: `[MASK] a b` from id 1 on: 5 6 and 6 5, …",
                "4 ids differ: 0 is `[PAD]` and `[UNK]`, …",
            ])
    }

    @Test("says so when models differ that have the same vocabulary")
    func models() throws {
        func tokenizer(_ score: Int) throws -> any Tokenizer {
            try loadTokenizer(unigramJSON(vocabulary: #"["<unk>", 0], ["a", -1], ["aa", \#(score)]"#))
        }
        let (first, other) = (try tokenizer(-1), try tokenizer(-3))
        #expect(first.difference(from: try tokenizer(-1)) == nil)
        let seen = try #require(first.difference(from: other, sample: ["a", "aa"]))
        #expect(seen.settings.count == 1 && seen.settings[0].hasPrefix("scores: 3 of SHA-256"))
        #expect(seen.lines.dropFirst() == ["1 of 2 texts get other ids: `aa` from id 0 on: 2 and 1 1"])
        let unseen = try #require(first.difference(from: other, sample: ["a"]))
        #expect(unseen.lines.dropFirst() == ["all 1 texts get the same ids"])
    }
}
