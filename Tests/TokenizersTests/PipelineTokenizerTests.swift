import Files
import Foundation
import Testing
import Tokenizers

@Suite("Pipeline tokenizer")
struct PipelineTokenizerTests {
    static let golden = GoldenPipelines.recorded

    private func digest(_ text: String) -> String { String(Digest.sha256(text).prefix(8)) }

    @Test("gives the ids and offsets of the tokenizers package", arguments: GoldenPipelines.names)
    func referenceEncodings(_ name: String) throws {
        let tokenizer = try TokenizerFiles.load(from: GoldenPipelines.file(of: name))
        let recorded = try #require(Self.golden.kinds[name])
        for (index, text) in Self.golden.texts.enumerated() {
            let encoding = tokenizer.encoding(of: text)
            #expect(
                digest("[\(json(encoding.ids)),\(json(encoding.offsets))]") == recorded.texts[index], "text \(index)")
            #expect(tokenizer.encode(text, maxLength: .max) == encoding.ids, "text \(index)")
        }
    }

    @Test("gives pairs, cut to a length, as the tokenizers package does", arguments: GoldenPipelines.names)
    func referencePairs(_ name: String) throws {
        let tokenizer = try TokenizerFiles.load(from: GoldenPipelines.file(of: name))
        let texts = Self.golden.texts
        for (index, recorded) in try #require(Self.golden.kinds[name]).pairs.enumerated() {
            let limit = 6 + index % 40
            let pair = tokenizer.encoding(
                of: texts[index], pair: texts[texts.count - 1 - index], addingSpecialTokens: true, maxLength: limit)
            let special = pair.isSpecial.map { $0 ? Int32(1) : 0 }
            let lists = [json(pair.ids), json(pair.typeIDs), json(special), json(pair.offsets)]
            #expect(digest("[\(limit),\(lists.joined(separator: ","))]") == recorded, "pair \(index)")
        }
    }

    @Test("decodes as the tokenizers package does", arguments: GoldenPipelines.names)
    func referenceDecoding(_ name: String) throws {
        let tokenizer = try TokenizerFiles.load(from: GoldenPipelines.file(of: name))
        for (index, recorded) in try #require(Self.golden.kinds[name]).decoded.enumerated() {
            let ids = tokenizer.encode(Self.golden.texts[index], maxLength: .max)
            let texts = [true, false].map { tokenizer.decode(ids, skippingSpecialTokens: $0) }
            #expect(digest(texts.joined(separator: "\u{1F}")) == recorded, "text \(index)")
        }
    }

    @Test("splits around every Unicode scalar as the tokenizers package does", arguments: golden.splits.keys.sorted())
    func referenceSplits(_ name: String) throws {
        let split = try #require(Self.golden.splits[name])
        let tokenizer = try withTemporaryDirectory { directory in
            try Data(split.tokenizer.utf8).write(to: directory.appending(path: "tokenizer.json"))
            return try TokenizerFiles.load(from: directory)
        }
        for block in split.blocks {
            let scalars = (block.start..<block.start + Self.golden.block).compactMap(Unicode.Scalar.init)
            let rows = stride(from: 0, to: scalars.count, by: 16).map { start in
                scalars[start..<min(start + 16, scalars.count)].map { "a\($0)b \($0)\($0) 1\($0)'\($0)s \($0)" }
                    .joined(separator: "|")
            }
            let offsets = rows.map { json(tokenizer.encoding(of: $0).offsets) }
            #expect(
                digest("[\(offsets.joined(separator: ","))]") == block.digest, "U+\(String(block.start, radix: 16))…")
        }
    }

    @Test("encodes many texts on all cores as one by one, in order", arguments: ["llama3", "llama2"])
    func parallelEncoding(_ name: String) throws {
        let tokenizer = try TokenizerFiles.load(from: GoldenPipelines.file(of: name))
        let texts = (0..<2000).map { "\($0) " + Self.golden.texts[$0 % Self.golden.texts.count] }
        #expect(tokenizer.encode(texts, maxLength: 20) == texts.map { tokenizer.encode($0, maxLength: 20) })
        #expect(tokenizer.encode(texts, maxLength: 20).allSatisfy { $0.count <= 20 })
        #expect(tokenizer.encode([String](), maxLength: 20).isEmpty)
    }

    @Test("the bytes of the tokens in the middle of a text make up the text", arguments: ["gpt2", "qwen2", "smollm"])
    func tokenBytes(_ name: String) throws {
        let tokenizer = try TokenizerFiles.load(from: GoldenPipelines.file(of: name))
        for text in Self.golden.texts {
            let ids = tokenizer.encode(text, maxLength: .max)
            let bytes = ids.flatMap { tokenizer.bytes(of: $0) }
            let decoded = tokenizer.decode(ids, skippingSpecialTokens: false)
            #expect(String(decoding: bytes, as: UTF8.self).utf8.elementsEqual(decoded.utf8))
        }
    }

    @Test("joins a word of a hundred thousand characters in a moment")
    func longWord() throws {
        let tokenizer = try TokenizerFiles.load(from: GoldenPipelines.file(of: "gpt2"))
        let word = String(repeating: "ignorethe", count: 12_000)
        let clock = ContinuousClock()
        var ids: [Int32] = []
        let time = clock.measure { ids = tokenizer.encode(word, maxLength: .max) }
        #expect(time < .seconds(5))
        #expect(tokenizer.decode(ids, skippingSpecialTokens: false) == word)
    }

    @Test("composes what Foundation leaves apart: a part behind what is composed already")
    func composition() throws {
        let tokenizer = try TokenizerFiles.load(from: GoldenPipelines.file(of: "qwen2"))
        for (parts, whole) in [("\u{C950}\u{11BB}", "\u{C964}"), ("\u{CCA}\u{CD5}", "\u{CCB}")] {
            #expect(tokenizer.encode(parts, maxLength: .max) == tokenizer.encode(whole, maxLength: .max))
        }
    }

    @Test("pads a batch to its longest row")
    func padding() throws {
        let tokenizer = try TokenizerFiles.load(from: GoldenPipelines.file(of: "roberta"))
        var batch = ["a", "a much longer text"].map { tokenizer.encoding(of: $0) }
        let (short, long) = (batch[0], batch[1])
        Encoding.pad(&batch, with: try #require(tokenizer.special.pad), multiple: 8)
        #expect(batch.map(\.count) == Array(repeating: (long.count + 7) / 8 * 8, count: 2))
        #expect(Array(batch[0].ids.prefix(short.count)) == short.ids)
        #expect(batch[0].ids.dropFirst(short.count).allSatisfy { $0 == tokenizer.special.pad })
        #expect(batch[0].isText.filter { $0 }.count == short.count)
    }
}
