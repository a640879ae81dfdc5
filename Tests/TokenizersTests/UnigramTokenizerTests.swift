import Files
import Foundation
import Testing
import Tokenizers

@Suite("Unigram tokenizer files")
struct UnigramTokenizerTests {
    static let golden = GoldenUnigram.recorded

    @Test("gives the ids and offsets of the tokenizers package", arguments: golden.cases)
    func reference(_ recorded: GoldenUnigram.Case) throws {
        let tokenizer = try loadTokenizer(recorded.file)
        let encodings = recorded.texts.map { tokenizer.encoding(of: $0) }
        for (index, encoding) in encodings.enumerated() {
            #expect(encoding.ids == recorded.ids[index], "text \(index)")
            #expect(tokenizer.encode(recorded.texts[index], maxLength: 1 << 20) == recorded.ids[index], "text \(index)")
        }
        for (encoding, offsets) in zip(encodings, recorded.shownOffsets) {
            #expect(encoding.offsets.flatMap { [$0.lowerBound, $0.upperBound] } == offsets)
        }
        let all = encodings.map { encoding in
            "[" + encoding.offsets.map { "[\($0.lowerBound),\($0.upperBound)]" }.joined(separator: ",") + "]"
        }
        #expect(Digest.sha256("[" + all.joined(separator: ",") + "]") == recorded.offsets)
    }

    @Test("refuses damaged models by name")
    func damagedFiles() throws {
        let whole = Self.golden.cases[1].file
        let changes = [
            (#""unk_id":3"#, #""unk_id":null"#), (#""unk_id":3"#, #""unk_id":100000"#),
            (#""unk_id":3"#, #""unk_id":-1"#),
            (#"["<s>",0.0]"#, #"["<s>"]"#), (#"["<s>",0.0]"#, #"["<s>","0"]"#), (#"["<s>",0.0]"#, #"["<s>",1e999]"#),
            (#"["<s>",0.0]"#, #"[0.0,"<s>"]"#), (#"["<s>",0.0]"#, #"["<s>",0.0,1]"#),
            (#""vocab":["#, #""vocab":{"a":["#),
            (#""vocab":["#, #""vocabulary":["#), (#""byte_fallback":false"#, #""byte_fallback":3"#),
        ]
        for (old, new) in changes {
            #expect(whole.contains(old), "\(old)")
            let error = #expect(throws: (any Error).self, "\(new)") {
                try loadTokenizer(whole.replacing(old, with: new))
            }
            #expect(error is InputError || error is InputErrors)
        }
        for length in stride(from: 0, to: whole.utf8.count - 1, by: 37) {
            let error = #expect(throws: (any Error).self) {
                try loadTokenizer(String(decoding: whole.utf8.prefix(length), as: UTF8.self))
            }
            #expect(error is InputError || error is InputErrors)
        }
    }

    @Test("survives three thousand files with flipped bits")
    func flippedBits() throws {
        let whole = Array(Self.golden.cases[0].file.utf8)
        let texts = Self.golden.cases[0].texts.prefix(5)
        var state: UInt64 = 11
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        var readable = 0
        for _ in 0..<3000 {
            var bytes = whole
            for _ in 0...random(2) { bytes[random(bytes.count)] ^= UInt8(1 << random(8)) }
            do {
                let tokenizer = try loadTokenizer(bytes)
                readable += 1
                for text in texts { _ = tokenizer.encoding(of: text) }
            } catch {
                #expect(error is InputError || error is InputErrors, "\(error)")
            }
        }
        #expect((1..<3000).contains(readable))
    }
}
