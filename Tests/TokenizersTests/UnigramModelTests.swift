import Files
import Foundation
import Testing
import Tokenizers

@Suite("Unigram model")
struct UnigramModelTests {
    private static let letters =
        #"["<unk>", 0], ["a", -1], ["b", -1], ["ab", -2], ["ba", -2], ["aba", -3], ["中", -4], ["中国", -9]"#

    private func encode(
        _ text: String, _ vocabulary: String = letters, byteFallback: Bool = false
    ) throws -> (ids: [Int32], offsets: [Range<Int>]) {
        let encoding = try loadTokenizer(unigramJSON(vocabulary: vocabulary, byteFallback: byteFallback)).encoding(
            of: text)
        return (encoding.ids, encoding.offsets)
    }

    @Test("of equally good cuts takes the one whose last piece begins earliest")
    func ties() throws {
        #expect(try encode("ab").ids == [3])
        #expect(try encode("aba").ids == [5])
        #expect(try encode("abab").ids == [3, 3])
        #expect(try encode("bab").ids == [2, 3])
        #expect(try encode("").ids == [])
    }

    @Test("gives one unknown piece for neighbours that nothing spells, with its place")
    func unknown() throws {
        let found = try encode("中国é𐍈a")
        #expect(found.ids == [7, 0, 1])
        #expect(found.offsets == [0..<2, 2..<4, 4..<5])
        // The piece for unknown text, written out in a text, is joined with unknown text beside it.
        #expect(try encode("x<unk>x").offsets == [0..<7])
        // Unknown text that is a piece as a whole is that piece.
        let pieces = #"["<unk>", 60], ["a", 50], ["zz", 30]"#
        #expect(try encode("zz", pieces).ids == [2])
        #expect(try encode("zzz", pieces).ids == [0])
    }

    @Test("falls back to bytes only where all of them are pieces")
    func byteFallback() throws {
        let pieces = Self.letters + (0..<0xC4).map { String(format: #", ["<0x%02X>", -5]"#, $0) }.joined()
        let found = try encode("aé", pieces, byteFallback: true)
        #expect(found.ids == [1, 8 + 0xC3, 8 + 0xA9])
        #expect(found.offsets == [0..<1, 1..<2, 1..<2])
        #expect(try encode("a\u{E9}\u{142}", pieces, byteFallback: true).ids == [1, 0])
        #expect(try encode("aé", pieces).ids == [1, 0])
    }

    @Test("of pieces that occur twice takes the last, with its score")
    func doubles() throws {
        #expect(try encode("a", Self.letters + #", ["a", -3], ["", -1]"#).ids == [8])
        #expect(try encode("ab", Self.letters + #", ["ab", -2.5]"#).ids == [1, 2])
        let tokenizer = try loadTokenizer(unigramJSON(vocabulary: Self.letters + #", ["a", -3]"#))
        #expect(tokenizer.id(of: "a") == 8)
        #expect(tokenizer.token(1) == "a")
        #expect(tokenizer.vocabularySize == 9)
    }

    @Test("writes scores so that they are read back to the last bit")
    func roundTrip() throws {
        let numbers = GoldenUnigram.recorded.numbers.map(\.text)
        let pieces = numbers.enumerated().map { #"["p\#($0)", \#($1)]"# }.joined(separator: ", ")
        let tokenizer = try loadTokenizer(unigramJSON(vocabulary: pieces, byteFallback: true))
        try withTemporaryDirectory { directory in
            try tokenizer.write(to: directory)
            #expect(try TokenizerFiles.load(from: directory).digest == tokenizer.digest)
        }
    }

    @Test("cuts a word of a million and a half characters in linear time")
    func longWord() throws {
        let tokenizer = try loadTokenizer(unigramJSON(vocabulary: Self.letters))
        let text = String(repeating: "ab", count: 500_000) + String(repeating: "x", count: 500_000)
        let clock = ContinuousClock()
        let start = clock.now
        let encoding = tokenizer.encoding(of: text)
        #expect(start.duration(to: clock.now) < .seconds(10))
        #expect(encoding.offsets.last == 1_000_000..<1_500_000)
        #expect(encoding.ids.last == 0)
    }

    @Test("refuses a model that cannot work, and names the key")
    func badModels() throws {
        let cases = [
            (#"["a", 0]"#, "null", "model"), (#"["a", 0]"#, "1", "model.unk_id"),
            (#"["a", 0]"#, "-1", "model.unk_id"),
            ("", "0", "model.unk_id"), (#"["a", 0], ["b", 1e999]"#, "0", "model.vocab.1.1"),
            (#"["a", 0], ["b"]"#, "0", "model.vocab.1"), (#"["a", 0], ["b", "0"]"#, "0", "model.vocab.1.1"),
            (#"["a", 0], [0, "b"]"#, "0", "model.vocab.1.0"), (#"["a", 0], ["b", 0, 1]"#, "0", "model.vocab.1"),
            (#"["a", 0], {}"#, "0", "model.vocab.1"),
            (#"["a", NaN]"#, "0", nil),
            (#"["a", 0], ["\#(String(repeating: "a", count: 1 << 24))", 0]"#, "0", "model.vocab"),
        ]
        for (vocabulary, unknown, field) in cases {
            let error = #expect(throws: InputError.self) {
                try loadTokenizer(unigramJSON(vocabulary: vocabulary, unknown: unknown))
            }
            #expect(error?.file?.hasSuffix("tokenizer.json") == true)
            if let field { #expect(error?.field == field, "\(vocabulary.prefix(40))") }
        }
    }

    @Test("reads scores to the last bit as the reference does")
    func scores() throws {
        for number in GoldenUnigram.recorded.numbers {
            let expected = try #require(Double(number.value))
            let read = ScoreText.value(of: number.text[...].utf8)
            #expect(read?.bitPattern == expected.bitPattern, "\(number.text)")
        }
        for text in [
            "", "-", "01", "1.", ".5", "1e", "1e+", "--1", "1 ", "0x1", "1e309", "1e99999999999999999999", "NaN",
        ] {
            #expect(ScoreText.value(of: text[...].utf8) == nil, "\(text)")
        }
    }
}
