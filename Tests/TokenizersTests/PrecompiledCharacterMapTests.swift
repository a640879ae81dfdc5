import Files
import Foundation
import Testing
import Tokenizers

@Suite("Precompiled character map")
struct PrecompiledCharacterMapTests {
    static let map = GoldenUnigram.recorded.characterMap

    /// A tokenizer with this map whose ids are the bytes of the normalized text, plus 1.
    private func load(base64: String) throws -> any Tokenizer {
        let bytes = (0..<256).map { String(format: #", ["<0x%02X>", -5]"#, $0) }.joined()
        return try loadTokenizer(
            unigramJSON(
                vocabulary: #"["<unk>", 0]"# + bytes, byteFallback: true,
                normalizer: #"{"type": "Precompiled", "precompiled_charsmap": "\#(base64)"}"#))
    }

    private func load(_ bytes: some Sequence<UInt8>) throws -> any Tokenizer {
        try load(base64: Data(bytes).base64EncodedString())
    }

    private func normalize(_ text: String, _ tokenizer: any Tokenizer) -> String {
        String(decoding: tokenizer.encode(text, maxLength: 1 << 20).map { UInt8($0 - 1) }, as: UTF8.self)
    }

    @Test("replaces whole clusters by what their shortest key stands for, and scalars where there is none")
    func clusters() throws {
        let tokenizer = try load(base64: Self.map)
        let cases = [
            ("xyz", "xyz"), ("abc", "XYZ"), ("bc", "YZ"), ("™\u{1E}g", "TMg"), ("x\u{1}\u{1}y", "xy"),
            ("a\u{300}", "X"),
            ("e\u{301}", "é"), ("e\u{301}\u{301}", "é"), ("👍🏽", "T🏽"), ("\r\n.", " ."), ("", ""), ("\u{1}", ""),
        ]
        for (text, expected) in cases {
            // By scalars: strings compare equal when they are only canonically equivalent.
            let found = normalize(text, tokenizer)
            #expect(found.unicodeScalars.elementsEqual(expected.unicodeScalars), "\(text.debugDescription) \(found)")
        }
    }

    @Test("refuses maps that are cut, lie about their size, or are no base64")
    func damagedMaps() throws {
        let whole = [UInt8](try #require(Data(base64Encoded: Self.map)))
        let trie = whole[..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
        for length in [0, 1, 3, 4, 5, 8, trie / 2, trie, trie + 3] {
            let error = #expect(throws: InputError.self) { try load(whole[..<length]) }
            #expect(error?.field == "normalizer.precompiled_charsmap")
        }
        for size: [UInt8] in [[0, 0, 0, 0], [255, 255, 255, 255], [5, 0, 0, 0], [0, 0, 0, 128]] {
            #expect(throws: InputError.self) { try load(size + whole[4...]) }
        }
        #expect(throws: InputError.self) { try load(base64: "no base64!") }
        #expect(throws: InputError.self) { try load(whole + [0xFF]) }
        // Replacements that are gone leave the trie pointing past the end.
        let error = #expect(throws: InputError.self) { try load(whole[..<(4 + trie)]) }
        #expect(error?.problem.hasPrefix("points outside of itself") == true)
    }

    @Test("survives ten thousand maps with flipped bits")
    func flippedBits() throws {
        let whole = [UInt8](try #require(Data(base64Encoded: Self.map)))
        var state: UInt64 = 7
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        let text = GoldenUnigram.recorded.cases[0].texts.prefix(60).joined()
        var readable = 0
        for _ in 0..<10_000 {
            var bytes = whole
            for _ in 0...random(3) { bytes[random(bytes.count)] ^= UInt8(1 << random(8)) }
            do {
                let tokenizer = try load(bytes)
                readable += 1
                _ = tokenizer.encode(text, maxLength: 1 << 20)
            } catch {
                #expect(error is InputError)
            }
        }
        #expect((1..<10_000).contains(readable))
    }

    @Test("a trie that leads in circles ends")
    func circles() throws {
        // Every unit has the label of its place and no leaf, and leads back to the root.
        var bytes = withUnsafeBytes(of: UInt32(1024).littleEndian) { Array($0) }
        for place in UInt32(0)..<256 { bytes += withUnsafeBytes(of: (place | place << 10).littleEndian) { Array($0) } }
        let tokenizer = try load(bytes + Array("x\0".utf8))
        #expect(normalize("aé中👍\u{301}", tokenizer) == "aé中👍\u{301}")
    }
}
