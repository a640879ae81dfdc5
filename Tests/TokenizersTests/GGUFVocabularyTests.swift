import Files
import Foundation
import Testing
import Tokenizers

@Suite("GGUF's embedded vocabulary")
struct GGUFVocabularyTests {
    /// The vocabulary of a golden tokenizer as a GGUF file would hold it.
    private func vocabulary(of kind: String, pre: String) throws -> GGUFVocabulary {
        struct File: Decodable {
            struct Model: Decodable {
                let vocab: [String: Int]
                let merges: [[String]]
            }
            struct Added: Decodable {
                let id: Int
                let content: String
            }
            let model: Model
            let added: [Added]

            enum CodingKeys: String, CodingKey {
                case model
                case added = "added_tokens"
            }
        }
        let file = try JSONDecoder().decode(File.self, from: try Data(contentsOf: GoldenPipelines.file(of: kind)))
        var tokens = file.model.vocab.sorted { $0.value < $1.value }.map(\.key)
        for added in file.added where added.id >= tokens.count { tokens.append(added.content) }
        var gguf = GGUFVocabulary(model: "gpt2", pre: pre, tokens: tokens)
        gguf.types = tokens.map { token in file.added.contains { $0.content == token } ? 3 : 1 }
        gguf.merges = file.model.merges.map { $0.joined(separator: " ") }
        return gguf
    }

    @Test(
        "gives the ids of the tokenizer.json with the same parts", arguments: [("gpt2", "gpt-2"), ("smollm", "smollm")])
    func sameIDs(_ kind: String, _ pre: String) throws {
        let gguf = try PipelineTokenizer(try vocabulary(of: kind, pre: pre))
        let file = try TokenizerFiles.load(from: GoldenPipelines.file(of: kind))
        for text in GoldenPipelines.recorded.texts {
            let (first, second) = (gguf.encoding(of: text), file.encoding(of: text))
            #expect(first.ids == second.ids)
            #expect(first.offsets == second.offsets)
        }
    }

    @Test("special tokens are recognised in texts on request, and stand where the file wants them")
    func specialTokens() throws {
        var gguf = try vocabulary(of: "smollm", pre: "smollm")
        let plain = try PipelineTokenizer(gguf)
        let end = try #require(plain.id(of: "<|im_end|>"))
        #expect(plain.encode("a<|im_end|>", maxLength: 9).last == end)
        let literal = try PipelineTokenizer(gguf, recognizesSpecialTokens: false)
        #expect(!literal.encode("a<|im_end|>", maxLength: 90).contains(end))
        #expect(
            literal.decode(literal.encode("a<|im_end|>", maxLength: 90), skippingSpecialTokens: true) == "a<|im_end|>")
        gguf.special = SpecialTokens(beginning: 1, end: 2)
        gguf.addsBeginning = true
        gguf.addsEnd = true
        let framed = try PipelineTokenizer(gguf)
        #expect(framed.encode("a", maxLength: 9) == [1] + plain.encode("a", maxLength: 9) + [2])
        #expect(framed.special.beginning == 1 && framed.special.end == 2)
    }

    @Test("SentencePiece's scores decide which pair joins first, unknown characters become bytes")
    func scores() throws {
        let bytes = (0..<256).map { "<0x" + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) + ">" }
        let words: [(String, Float)] = [
            ("▁", -10), ("a", -11), ("b", -12), ("c", -13), ("ab", -2), ("bc", -1), ("▁a", -3), ("abc", -9),
        ]
        var gguf = GGUFVocabulary(model: "llama", tokens: ["<unk>", "<s>", "</s>"] + bytes + words.map(\.0))
        gguf.types = [2, 3, 3] + bytes.map { _ in 6 } + words.map { _ in 1 }
        gguf.scores = [0, 0, 0] + bytes.map { _ in 0 } + words.map(\.1)
        gguf.special = SpecialTokens(unknown: 0, beginning: 1, end: 2)
        let tokenizer = try PipelineTokenizer(gguf)
        func names(_ text: String) -> [String] { tokenizer.encode(text, maxLength: 99).map(tokenizer.token) }
        #expect(names("abc") == ["<s>", "▁a", "bc"])
        #expect(names("cab é") == ["<s>", "▁", "c", "ab", "▁", "<0xC3>", "<0xA9>"])
        #expect(tokenizer.decode(tokenizer.encode("cab é", maxLength: 99), skippingSpecialTokens: true) == "cab é")
        try withTemporaryDirectory { directory in
            try tokenizer.write(to: directory)
            let read = try TokenizerFiles.load(from: directory)
            #expect(read.encode("cab abc é", maxLength: 99) == tokenizer.encode("cab abc é", maxLength: 99))
            #expect(read.special == tokenizer.special)
        }
    }

    @Test("refuses what it does not know, and lists that do not fit together")
    func refusals() throws {
        let good = try vocabulary(of: "gpt2", pre: "gpt-2")
        let changes: [(String, (inout GGUFVocabulary) -> Void)] = [
            ("model", { $0.model = "bert" }), ("pre", { $0.pre = "other" }), ("token_type", { $0.types.removeLast() }),
            ("tokens", { $0.tokens[3] = $0.tokens[4] }), ("merges", { $0.merges[2] = "x" }),
            ("merges", { $0.merges[2] = "x nothing" }), ("bos_token_id", { $0.special.beginning = 1 << 20 }),
            ("eos_token_id", { $0.special.end = -1 }), ("scores", { $0.model = "llama" }),
        ]
        for (key, change) in changes {
            var gguf = good
            change(&gguf)
            let error = #expect(throws: InputError.self, "\(key)") { try PipelineTokenizer(gguf, file: "x.gguf") }
            #expect(error?.field == "tokenizer.ggml.\(key)")
            #expect(error?.file == "x.gguf")
        }
    }
}
