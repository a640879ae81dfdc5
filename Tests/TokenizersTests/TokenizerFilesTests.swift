import Files
import Foundation
import Testing
import Tokenizers

@Suite("Tokenizer files")
struct TokenizerFilesTests {
    static let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    private func sample(lowercase: Bool = true, stripAccents: Bool? = nil) throws -> WordPieceTokenizer {
        try WordPieceTokenizer(
            vocabulary: Self.special + ["a", "##a", "\"", "\\", "é", "\u{1}", "中", "😀"], lowercase: lowercase,
            stripAccents: stripAccents)
    }

    private func contents(of directory: URL) throws -> [String: Data] {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path)
        return try Dictionary(
            uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: directory.appending(path: $0))) })
    }

    @Test("written files read back as the same tokenizer and write the same bytes")
    func roundTrip() throws {
        for (lowercase, stripAccents) in [(true, nil), (false, nil), (true, false), (false, true)] as [(Bool, Bool?)] {
            let tokenizer = try sample(lowercase: lowercase, stripAccents: stripAccents)
            try withTemporaryDirectory { directory in
                try tokenizer.write(to: directory)
                let written = try contents(of: directory)
                #expect(
                    Set(written.keys)
                        == ["tokenizer.json", "vocab.txt", "tokenizer_config.json", "special_tokens_map.json"])
                let loaded = try #require(TokenizerFiles.load(from: directory) as? WordPieceTokenizer)
                #expect(loaded.difference(from: tokenizer) == nil)
                #expect(loaded.vocabulary == tokenizer.vocabulary)

                try FileManager.default.removeItem(at: directory.appending(path: "tokenizer.json"))
                let fromLines = try TokenizerFiles.load(from: directory)
                #expect(fromLines.digest == tokenizer.digest)

                try loaded.write(to: directory)
                #expect(try contents(of: directory) == written)
            }
        }
    }

    @Test("the digest changes with the vocabulary and with each setting")
    func digests() throws {
        let tokenizers = [
            try sample(), try sample(lowercase: false), try sample(stripAccents: false),
            try WordPieceTokenizer(vocabulary: Self.special + ["a"]),
            try WordPieceTokenizer(vocabulary: Self.special.reversed() + ["a"]),
        ]
        #expect(Set(tokenizers.map(\.digest)).count == tokenizers.count)
    }

    @Test("reads escapes, any order of ids and a BertProcessing template")
    func otherWriters() throws {
        let json = Self.tokenizerJSON(
            postProcessor: #"{"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}"#,
            vocabulary: #""\u00e9\"": 6, "\ud83d\ude00" : 5,"[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3, "[MASK]":4"#)
        let tokenizer = try load(["tokenizer.json": json])
        #expect(tokenizer.vocabulary == Self.special + ["😀", "é\""])
    }

    @Test("recognises the added tokens of a file in raw text")
    func addedTokens() throws {
        let added = Self.addedTokens + [(5, "<url>")]
        let vocabulary = #""[PAD]":0,"[UNK]":1,"[CLS]":2,"[SEP]":3,"[MASK]":4,"<url>":5"#
        let tokenizer = try load(["tokenizer.json": Self.tokenizerJSON(vocabulary: vocabulary, added: added)])
        #expect(tokenizer.encode("<url>", maxLength: 9) == [2, 5, 3])
        let plain = try load(["tokenizer.json": Self.tokenizerJSON(vocabulary: vocabulary)])
        #expect(plain.encode("<url>", maxLength: 9) == [2, 1, 1, 1, 3])
    }

    @Test("takes only a tokenizer that is BERT's in every part for one")
    func otherKinds() throws {
        let others = [
            Self.tokenizerJSON(normalizer: "null"), Self.tokenizerJSON(preTokenizer: "Whitespace"),
            Self.tokenizerJSON(
                normalizer:
                    #"{"type": "BertNormalizer", "clean_text": false, "handle_chinese_chars": true, "lowercase": true}"#
            ),
            Self.tokenizerJSON(
                postProcessor:
                    #"{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {}}"#
            ),
            Self.tokenizerJSON(decoder: "null"), Self.tokenizerJSON(added: Self.addedTokens.dropLast()),
            Self.tokenizerJSON().replacing(#""[MASK]", "lstrip": false"#, with: #""[MASK]", "lstrip": true"#),
        ]
        for json in others {
            try withTemporaryDirectory { directory in
                try Data(json.utf8).write(to: directory.appending(path: "tokenizer.json"))
                #expect(try TokenizerFiles.load(from: directory) is PipelineTokenizer)
            }
        }
        #expect(try load(["tokenizer.json": Self.tokenizerJSON()]).vocabulary == Self.special)
    }

    @Test("refuses damaged files without a crash")
    func damagedFiles() throws {
        let whole = Self.tokenizerJSON()
        let damaged =
            ["", "{", "null", "[]", #"{"model": 3}"#, whole.replacing(#""vocab""#, with: #""vocabulary""#)]
            + [
                #""[PAD]": -1"#, #""[PAD]": 1.5"#, #""[PAD]": 99999999999"#, #""[PAD]": "0""#, #""[PAD]": 0, "x": 0"#,
                #""[PAD]": 7"#,
            ]
            .map { whole.replacing(#""[PAD]": 0"#, with: $0) }
        for json in damaged {
            #expect(throws: (any Error).self, "\(json)") { try load(["tokenizer.json": json]) }
        }
        for length in stride(from: 0, to: whole.utf8.count - 1, by: 3) {
            let error = #expect(throws: (any Error).self) {
                try load(["tokenizer.json": String(whole.prefix(length))])
            }
            #expect(error is InputError || error is InputErrors)
        }
        let beyond = Self.tokenizerJSON(added: Self.addedTokens + [(70, "<url>")])
        #expect(throws: InputError.self) { try load(["tokenizer.json": beyond]) }
    }

    @Test("reads vocab.txt with LF or CRLF, and names the line of a bad token")
    func vocabularyLines() throws {
        let lines = Self.special + ["a", "##b"]
        #expect(try load(["vocab.txt": lines.joined(separator: "\n")]).vocabulary == lines)
        #expect(try load(["vocab.txt": lines.map { $0 + "\r\n" }.joined()]).vocabulary == lines)
        let twice = #expect(throws: InputError.self) {
            try load(["vocab.txt": (lines + ["a"]).joined(separator: "\n")])
        }
        #expect(twice?.line == 8)
        let blank = #expect(throws: InputError.self) { try load(["vocab.txt": "[PAD]\n\n[UNK]\n"]) }
        #expect(blank?.line == 2)
        try withTemporaryDirectory { directory in
            try (Data("[PAD]\nx".utf8) + [0xFF, 0x0A]).write(to: directory.appending(path: "vocab.txt"))
            let error = #expect(throws: InputError.self) { try TokenizerFiles.load(from: directory) }
            #expect(error?.line == 2)
        }
    }

    @Test("asks for tokenizer_config.json when vocab.txt holds capitals")
    func casing() throws {
        let lines = (Self.special + ["Paris", "[unused1]"]).joined(separator: "\n")
        #expect(throws: InputError.self) { try load(["vocab.txt": lines]) }
        let cased = try load(["vocab.txt": lines, "tokenizer_config.json": #"{"do_lower_case": false}"#])
        #expect(cased.encode("Paris", maxLength: 9) == [2, 5, 3])
        let error = #expect(throws: InputErrors.self) {
            try load(["vocab.txt": lines, "tokenizer_config.json": #"{"tokenize_chinese_chars": false}"#])
        }
        #expect(error?.errors.map(\.field) == ["tokenize_chinese_chars"])
    }

    @Test("says what is missing in an empty directory")
    func nothingThere() throws {
        let error = #expect(throws: InputError.self) { try load([:]) }
        #expect(error?.problem == "holds neither tokenizer.json nor vocab.txt")
    }

    private func load(_ files: [String: String]) throws -> WordPieceTokenizer {
        try withTemporaryDirectory { directory in
            for (name, text) in files { try Data(text.utf8).write(to: directory.appending(path: name)) }
            return try #require(TokenizerFiles.load(from: directory) as? WordPieceTokenizer)
        }
    }

    private static let addedTokens = special.enumerated().map { ($0, $1) }

    private static func tokenizerJSON(
        normalizer: String = """
        {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, \
        "lowercase": true}
        """,
        preTokenizer: String = "BertPreTokenizer",
        postProcessor: String = """
        {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, \
        {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "[SEP]", "type_id": 0}}], \
        "pair": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, \
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}, \
        {"SpecialToken": {"id": "[SEP]", "type_id": 1}}], "special_tokens": {\
        "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}, "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]}}}
        """,
        vocabulary: String = #""[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4"#,
        decoder: String = ###"{"type": "WordPiece", "prefix": "##", "cleanup": true}"###,
        added: [(Int, String)] = addedTokens
    ) -> String {
        let added = added.map { id, content in
            #"{"id": \#(id), "content": "\#(content)", "lstrip": false, "normalized": false, "special": true}"#
        }
        return """
            {"version": "1.0", "padding": {"strategy": {"Fixed": 128}, "tokens": ["}", "\\"]"]},
             "added_tokens": [\(added.joined(separator: ", "))],
             "normalizer": \(normalizer), "pre_tokenizer": {"type": "\(preTokenizer)"}, "post_processor": \(postProcessor),
             "decoder": \(decoder), "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                       "max_input_chars_per_word": 100, "vocab": {\(vocabulary)}}}
            """
    }
}
