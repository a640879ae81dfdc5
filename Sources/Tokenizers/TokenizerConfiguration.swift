import Files

/// The part of `tokenizer_config.json` that `vocab.txt` needs.
struct TokenizerConfiguration: Decodable {
    var lowercase: Bool?
    var stripAccents: Bool?
    var handleChineseCharacters: Bool?
    var basicTokenization: Bool?

    enum CodingKeys: String, CodingKey {
        case lowercase = "do_lower_case"
        case stripAccents = "strip_accents"
        case handleChineseCharacters = "tokenize_chinese_chars"
        case basicTokenization = "do_basic_tokenize"
    }

    func refusals(file: String) -> [InputError] {
        let settings = [
            ("tokenize_chinese_chars", handleChineseCharacters), ("do_basic_tokenize", basicTokenization),
        ]
        return settings.filter { $0.1 == false }.map { name, _ in
            InputError(
                file: file, field: name, problem: "is false; supported is true",
                remedy: "use a model with a BERT-style WordPiece tokenizer")
        }
    }
}
