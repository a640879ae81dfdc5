import Files
import Foundation
import Testing
import Tokenizers

@Suite("WordPiece tokenizer")
struct WordPieceTokenizerTests {
    static let golden = GoldenWordPiece.recorded
    static let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    @Test("gives the ids of the tokenizers package", arguments: golden.cases)
    func referenceIDs(_ recorded: GoldenWordPiece.Case) throws {
        let tokenizer = try WordPieceTokenizer(
            vocabulary: Self.golden.vocabulary, lowercase: recorded.lowercase, stripAccents: recorded.stripAccents)
        let truncation = Self.golden.truncation
        for (index, text) in Self.golden.texts.enumerated() {
            #expect(tokenizer.encode(text, maxLength: 4096) == recorded.whole[index], "text \(index)")
            #expect(tokenizer.encode(text, maxLength: truncation) == recorded.truncated[index], "text \(index)")
        }
    }

    @Test("gives the offsets of the tokenizers package", arguments: golden.cases)
    func referenceOffsets(_ recorded: GoldenWordPiece.Case) throws {
        let tokenizer = try WordPieceTokenizer(
            vocabulary: Self.golden.vocabulary, lowercase: recorded.lowercase, stripAccents: recorded.stripAccents)
        let encodings = Self.golden.texts.map { tokenizer.encoding(of: $0) }
        #expect(encodings.map(\.ids) == recorded.whole)
        for (index, (encoding, offsets)) in zip(encodings, recorded.shownOffsets).enumerated() {
            #expect(encoding.offsets.flatMap { [$0.lowerBound, $0.upperBound] } == offsets, "text \(index)")
        }
        let all = encodings.map { encoding in
            "[" + encoding.offsets.map { "[\($0.lowerBound),\($0.upperBound)]" }.joined(separator: ",") + "]"
        }
        #expect(Digest.sha256("[" + all.joined(separator: ",") + "]") == recorded.offsets)
    }

    @Test("numbers the scalars of each text of a pair from its own start")
    func pairOffsets() throws {
        let tokenizer = try WordPieceTokenizer(vocabulary: Self.special + ["a", "##b", "é"], lowercase: false)
        let encoding = tokenizer.encoding(of: "é ab", pair: "中 ab", addingSpecialTokens: true, maxLength: nil)
        #expect(encoding.ids == [2, 7, 5, 6, 3, 1, 5, 6, 3])
        #expect(encoding.typeIDs == [0, 0, 0, 0, 0, 1, 1, 1, 1])
        #expect(encoding.isSpecial == [true, false, false, false, true, false, false, false, true])
        #expect(encoding.offsets == [0..<0, 0..<1, 2..<3, 3..<4, 0..<0, 0..<1, 2..<3, 3..<4, 0..<0])
        let cut = tokenizer.encoding(of: "é ab", pair: "中 ab", addingSpecialTokens: true, maxLength: 7)
        #expect(cut.ids == [2, 7, 5, 3, 1, 5, 3])
    }

    @Test("cleans and splits every Unicode scalar as the tokenizers package does", arguments: golden.cases)
    func referenceWords(_ recorded: GoldenWordPiece.Case) throws {
        let tokenizer = try WordPieceTokenizer(
            vocabulary: Self.special, lowercase: recorded.lowercase, stripAccents: recorded.stripAccents)
        for block in recorded.blocks {
            let lines = (block.start..<block.start + Self.golden.blockSize)
                .compactMap { value in
                    Unicode.Scalar(value).map { tokenizer.words("a\($0)b").joined(separator: "\u{1F}") }
                }
            #expect(
                Digest.sha256(lines.joined(separator: "\n")) == block.digest, "U+\(String(block.start, radix: 16))…")
        }
    }

    @Test("encodes many texts on all cores as one by one, in order")
    func parallelEncoding() throws {
        let tokenizer = try WordPieceTokenizer(vocabulary: Self.golden.vocabulary)
        let texts = (0..<2000).map { "\($0) " + Self.golden.texts[$0 % Self.golden.texts.count] }
        #expect(tokenizer.encode(texts, maxLength: 20) == texts.map { tokenizer.encode($0, maxLength: 20) })
        #expect(tokenizer.encode([String](), maxLength: 20).isEmpty)
    }

    @Test("keeps canonically equivalent tokens apart")
    func equivalentTokens() throws {
        let (composed, decomposed) = ("\u{E9}", "e\u{301}")
        #expect(composed == decomposed)
        let tokenizer = try WordPieceTokenizer(vocabulary: Self.special + [composed, decomposed], lowercase: false)
        #expect(tokenizer.encode(composed, maxLength: 8) == [2, 5, 3])
        #expect(tokenizer.encode(decomposed, maxLength: 8) == [2, 6, 3])
        let loaded = try withTemporaryDirectory { directory in
            try tokenizer.write(to: directory)
            return try TokenizerFiles.load(from: directory)
        }
        #expect(loaded.digest == tokenizer.digest)
        #expect(loaded.encode(decomposed, maxLength: 8) == [2, 6, 3])
    }

    @Test("knows its special tokens wherever they stand")
    func specialTokens() throws {
        let tokenizer = try WordPieceTokenizer(vocabulary: ["a", "[MASK]", "[SEP]", "[CLS]", "[UNK]", "[PAD]"])
        #expect(
            tokenizer.special == SpecialTokens(pad: 5, unknown: 4, classification: 3, separator: 2, mask: 1))
        #expect(tokenizer.token(1) == "[MASK]")
        #expect(tokenizer.encode("a[MASK] b", maxLength: 9) == [3, 0, 1, 4, 2])
    }

    @Test("refuses a vocabulary that cannot work, and says why")
    func badVocabularies() throws {
        let cases: [([String], String)] = [
            ([], "lacks [PAD], [UNK], [CLS], [SEP], [MASK]"),
            (["[PAD]", "[UNK]", "[CLS]", "[SEP]", "x"], "lacks [MASK]"),
            (Self.special + ["a", "b", "a"], "token 7 `a` is also token 5"),
            (Self.special + [""], "token 5 is empty"),
            (Self.special + ["a\nb"], "token 5 holds a line feed"),
        ]
        for (vocabulary, problem) in cases {
            let error = #expect(throws: InputError.self) { try WordPieceTokenizer(vocabulary: vocabulary) }
            #expect(error?.problem == problem)
        }
    }

    @Test("names the first ids that differ from another tokenizer")
    func difference() throws {
        let first = try WordPieceTokenizer(vocabulary: Self.special + ["a", "b", "c"])
        #expect(first.difference(from: try WordPieceTokenizer(vocabulary: Self.special + ["a", "b", "c"])) == nil)

        let other = try WordPieceTokenizer(vocabulary: Self.special + ["a", "c", "b", "d"], lowercase: false)
        let difference = try #require(first.difference(from: other, limit: 2))
        #expect((difference.firstCount, difference.secondCount, difference.differingIDs) == (8, 9, 3))
        #expect(difference.examples.map(\.id) == [6, 7])
        #expect(difference.examples.map(\.first) == ["b", "c"])
        #expect(difference.examples.map(\.second) == ["c", "b"])
        #expect(difference.settings == ["lowercase: true and false", "strip accents: true and false"])
        #expect(difference.description.hasSuffix("8 and 9 tokens; 3 ids differ: 6 is `b` and `c`, 7 is `c` and `b`, …"))
    }
}
