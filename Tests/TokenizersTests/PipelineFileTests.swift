import Files
import Foundation
import Testing
import Tokenizers

@Suite("tokenizer.json of any kind")
struct PipelineFileTests {
    private func load(_ json: String) throws -> any Tokenizer {
        try withTemporaryDirectory { directory in
            try Data(json.utf8).write(to: directory.appending(path: "tokenizer.json"))
            return try TokenizerFiles.load(from: directory)
        }
    }

    private func text(of kind: String) throws -> String {
        String(decoding: try Data(contentsOf: GoldenPipelines.file(of: kind)), as: UTF8.self)
    }

    /// A whole file around the parts that a test is about.
    private func file(
        normalizer: String = "null", preTokenizer: String = "null", postProcessor: String = "null",
        decoder: String = "null",
        model: String = #"{"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}"#,
        added: String = "[]"
    ) -> String {
        """
        {"version": "1.0", "truncation": {"max_length": 3}, "padding": null, "added_tokens": \(added),
         "normalizer": \(normalizer), "pre_tokenizer": \(preTokenizer), "post_processor": \(postProcessor),
         "decoder": \(decoder), "model": \(model)}
        """
    }

    @Test("written files read back as the same tokenizer and write the same bytes", arguments: GoldenPipelines.names)
    func roundTrip(_ name: String) throws {
        let tokenizer = try TokenizerFiles.load(from: GoldenPipelines.file(of: name))
        try withTemporaryDirectory { directory in
            try tokenizer.write(to: directory)
            let loaded = try TokenizerFiles.load(from: directory)
            #expect(loaded.digest == tokenizer.digest)
            #expect(loaded.difference(from: tokenizer) == nil)
            let written = try Data(contentsOf: directory.appending(path: "tokenizer.json"))
            try loaded.write(to: directory)
            #expect(try Data(contentsOf: directory.appending(path: "tokenizer.json")) == written)
            for text in GoldenPipelines.recorded.texts.prefix(60) {
                #expect(loaded.encoding(of: text) == tokenizer.encoding(of: text))
            }
        }
    }

    @Test("BERT's own tokenizer takes the fast way, another WordPiece the general one")
    func fastWay() throws {
        #expect(try TokenizerFiles.load(from: GoldenPipelines.file(of: "bert")) is WordPieceTokenizer)
        #expect(try TokenizerFiles.load(from: GoldenPipelines.file(of: "bert_cased")) is PipelineTokenizer)
        let slow = try text(of: "bert").replacing(#""cleanup":true"#, with: #""cleanup":false"#)
        let (first, second) = (try load(try text(of: "bert")), try load(slow))
        #expect(second is PipelineTokenizer)
        for text in GoldenPipelines.recorded.texts {
            #expect(first.encode(text, maxLength: 64) == second.encode(text, maxLength: 64))
            #expect(first.encoding(of: text) == second.encoding(of: text))
        }
    }

    @Test("texts lose their beginning where tokenizer_config.json says so", arguments: ["bert", "llama3"])
    func truncationSide(_ name: String) throws {
        let right = try load(try text(of: name))
        try withTemporaryDirectory { directory in
            try Data(try text(of: name).utf8).write(to: directory.appending(path: "tokenizer.json"))
            try Data(#"{"truncation_side": "left"}"#.utf8).write(
                to: directory.appending(path: "tokenizer_config.json"))
            let left = try TokenizerFiles.load(from: directory)
            #expect(left.digest != right.digest && left.difference(from: right) != nil)
            let template = right.templateTokens(isPair: false)
            for text in GoldenPipelines.recorded.texts.prefix(80) {
                let own = right.encoding(of: text, pair: nil, addingSpecialTokens: false, maxLength: nil).ids
                let cut = left.encode(text, maxLength: 7)
                // The template's tokens stand around the last ids of the text.
                let framed = right.encode(text, maxLength: .max)
                let opening = (0...template).first { framed.dropFirst($0).starts(with: own) } ?? 0
                let expected =
                    own.count + template <= 7
                    ? framed : framed.prefix(opening) + own.suffix(7 - template) + framed.suffix(template - opening)
                #expect(cut == Array(expected), "\(text)")
                #expect(left.encoding(of: text, pair: nil, addingSpecialTokens: true, maxLength: 7).ids == cut)
                let pair = left.encoding(of: text, pair: text, addingSpecialTokens: false, maxLength: 6)
                let whole = min(own.count, 3)
                if own.count >= 3 { #expect(pair.ids == Array(own.suffix(whole) + own.suffix(whole))) }
            }
            let copy = directory.appending(path: "copy")
            try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
            try left.write(to: copy)
            #expect(try TokenizerFiles.load(from: copy).digest == left.digest)
        }
    }

    @Test("the roles of tokens come from the files beside, and these are written again as they were")
    func roles() throws {
        try withTemporaryDirectory { directory in
            try Data(try text(of: "llama3").utf8).write(to: directory.appending(path: "tokenizer.json"))
            let beside = Data(
                #"{"eos_token": {"content": "<|im_end|>"}, "pad_token": "<|im_start|>", "chat_template": "x"}"#.utf8)
            try beside.write(to: directory.appending(path: "tokenizer_config.json"))
            let tokenizer = try TokenizerFiles.load(from: directory)
            #expect(tokenizer.special.end == tokenizer.id(of: "<|im_end|>"))
            #expect(tokenizer.special.pad == tokenizer.id(of: "<|im_start|>"))
            #expect(tokenizer.special.beginning == nil)
            let copy = directory.appending(path: "copy")
            try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
            try tokenizer.write(to: copy)
            #expect(try Data(contentsOf: copy.appending(path: "tokenizer_config.json")) == beside)
        }
        let guessed = try TokenizerFiles.load(from: GoldenPipelines.file(of: "roberta")).special
        #expect(guessed == SpecialTokens(pad: 1, unknown: 3, mask: guessed.mask, beginning: 0, end: 2))
    }

    @Test("what is not known is refused with file and field")
    func refusals() throws {
        let cases: [(String, String)] = [
            (file(normalizer: #"{"type": "Nmt"}"#), "normalizer.type"),
            (
                file(normalizer: #"{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "X"}]}"#),
                "normalizer.normalizers.1.type"
            ),
            (
                file(normalizer: #"{"type": "Strip", "strip_left": true, "strip_right": true, "odd": 1}"#),
                "normalizer.odd"
            ),
            (file(normalizer: #"{"type": "Strip", "strip_left": 1, "strip_right": true}"#), "normalizer.strip_left"),
            (file(preTokenizer: #"{"type": "UnicodeScripts"}"#), "pre_tokenizer.type"),
            (
                file(
                    preTokenizer:
                        #"{"type": "Split", "pattern": {"Regex": "(?<=a)b"}, "behavior": "Isolated", "invert": false}"#),
                "pre_tokenizer.pattern.Regex"
            ),
            (
                file(
                    preTokenizer:
                        #"{"type": "Sequence", "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": true}, {"type": "WhitespaceSplit"}]}"#
                ), "pre_tokenizer.pretokenizers.0"
            ),
            (
                file(postProcessor: #"{"type": "BertProcessing", "sep": ["a", 0], "cls": ["x", 9]}"#),
                "post_processor.cls.1"
            ),
            (
                file(
                    postProcessor:
                        #"{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "x", "type_id": 0}}], "pair": [], "special_tokens": {}}"#
                ),
                "post_processor.single.0.SpecialToken.id"
            ),
            (file(decoder: #"{"type": "CTC"}"#), "decoder.type"),
            (file(model: #"{"type": "WordLevel", "vocab": {}}"#), "model.type"),
            (file(model: #"{"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]}"#), "model.merges.0"),
            (file(model: #"{"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]]}"#), "model.merges.0"),
            (file(model: #"{"type": "BPE", "vocab": {"a": 0, "b": 2}, "merges": []}"#), "model.vocab"),
            (file(model: #"{"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}"#), "model.vocab"),
            (file(model: #"{"type": "BPE", "vocab": {"a": 0, "a": 1}, "merges": []}"#), "model.vocab"),
            (file(model: #"{"type": "BPE", "vocab": {"a": 9999999999}, "merges": []}"#), "model.vocab.a"),
            (file(model: #"{"type": "BPE", "vocab": {"a": -1}, "merges": []}"#), "model.vocab.a"),
            (file(model: #"{"type": "BPE", "vocab": {"a": 0.5}, "merges": []}"#), "model.vocab.a"),
            (file(model: #"{"type": "BPE", "vocab": {}, "merges": []}"#), "model.vocab"),
            (file(model: #"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "dropout": 0.1}"#), "model.dropout"),
            (file(model: #"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "u"}"#), "model.unk_token"),
            (file(model: #"{"type": "WordPiece", "vocab": {"a": 0}, "unk_token": "u"}"#), "model.unk_token"),
            (file(added: #"[{"id": 7, "content": "x", "special": true}]"#), "added_tokens.0"),
            (file(added: #"[{"id": 1, "content": "a", "special": true}]"#), "added_tokens.0"),
            (file(added: #"[{"id": 3, "content": "", "special": true}]"#), "added_tokens.0"),
            // A character's affixes have bytes that the word has not.
            (
                file(
                    model:
                        #"{"type": "BPE", "vocab": {"<0x61>": 0}, "merges": [], "byte_fallback": true, "end_of_word_suffix": "w"}"#
                ), "model"
            ),
            (
                file(normalizer: #"{"type": "Prepend", "prepend": "\#(String(repeating: "a", count: 5000))"}"#),
                "normalizer.prepend"
            ),
            // 24 times twice as long.
            (
                file(
                    normalizer: """
                        {"type": "Sequence", "normalizers": [\(Array(
                            repeating: #"{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}"#, count: 24
                        ).joined(separator: ","))]}
                        """,
                    added: #"[{"id": 3, "content": "aaa", "normalized": true, "special": false}]"#), "added_tokens"
            ),
        ]
        for (json, field) in cases {
            let error = #expect(throws: InputError.self, "\(field)") { try load(json) }
            #expect(error?.field == field, "\(error.map(String.init(describing:)) ?? "")")
            #expect(error?.file?.hasSuffix("tokenizer.json") == true)
        }
        #expect(try load(file()).encode("abba", maxLength: 9) == [2, 1, 0])
    }

    @Test("a text cannot be cut shorter than its template")
    func room() throws {
        let token = #"{"SpecialToken": {"id": "a", "type_id": 0}}"#
        let single = Array(repeating: token, count: 4) + [#"{"Sequence": {"id": "A", "type_id": 0}}"#]
        let tokenizer = try load(
            file(
                postProcessor: """
                    {"type": "TemplateProcessing", "single": [\(single.joined(separator: ","))], "pair": [],
                     "special_tokens": {"a": {"id": "a", "ids": [0], "tokens": ["a"]}}}
                    """))
        let error = try #require(throws: InputError.self) { try tokenizer.requireRoom(in: 3, field: "--max-length") }
        #expect(error.field == "--max-length" && error.problem.contains("adds 4 of its own"))
        try tokenizer.requireRoom(in: 4, field: "--max-length")
        #expect(tokenizer.encode("b", maxLength: 4) == [0, 0, 0, 0])
    }

    @Test("damaged files end in an error or in a tokenizer that works, never in a crash")
    func damage() throws {
        func attempt(_ bytes: [UInt8], in directory: URL) throws {
            try Data(bytes).write(to: directory.appending(path: "tokenizer.json"))
            do {
                let tokenizer = try TokenizerFiles.load(from: directory)
                let encoding = tokenizer.encoding(of: "I'm <mask> 12 é\u{301} 中 <0x0A>")
                _ = tokenizer.decode(encoding.ids, skippingSpecialTokens: true)
            } catch {
                #expect(error is InputError, "\(error)")
                #expect((error as? InputError)?.file?.hasSuffix("tokenizer.json") == true)
            }
        }
        try withTemporaryDirectory { directory in
            let whole = Array(try text(of: "llama3").utf8)
            for length in 0..<4096 {
                try attempt(Array(whole.prefix(length)), in: directory)
            }
            var state: UInt64 = 7
            func random(_ bound: Int) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int(state >> 33) % bound
            }
            for kind in GoldenPipelines.names {
                let whole = Array(try text(of: kind).utf8)
                for _ in 0..<10_000 / GoldenPipelines.names.count {
                    var bytes = whole
                    bytes[random(bytes.count)] = UInt8(random(256))
                    try attempt(bytes, in: directory)
                }
            }
            for absurd in ["[", "{\"a\":"].map({ Array(String(repeating: $0, count: 100_000).utf8) }) {
                try attempt(absurd, in: directory)
            }
        }
    }
}
