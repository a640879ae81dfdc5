import Files

/// The part of `tokenizer_config.json` that `vocab.txt` needs.
struct TokenizerConfiguration: Decodable {
    var lowercase: Bool?
    var stripAccents: Bool?
    var handleChineseCharacters: Bool?
    var basicTokenization: Bool?
    var truncationSide: String?

    enum CodingKeys: String, CodingKey {
        case lowercase = "do_lower_case"
        case stripAccents = "strip_accents"
        case handleChineseCharacters = "tokenize_chinese_chars"
        case basicTokenization = "do_basic_tokenize"
        case truncationSide = "truncation_side"
    }

    func refusals(file: String) -> [InputError] {
        let settings = [
            ("tokenize_chinese_chars", handleChineseCharacters), ("do_basic_tokenize", basicTokenization),
        ]
        let side =
            truncationSide == "left"
            ? [
                InputError(
                    file: file, field: "truncation_side", problem: "is left; with vocab.txt long texts lose their end",
                    remedy: "put the model's tokenizer.json beside it")
            ] : []
        return side
            + settings.filter { $0.1 == false }.map { name, _ in
                InputError(
                    file: file, field: name, problem: "is false; supported is true",
                    remedy: "use a model with a BERT-style WordPiece tokenizer")
            }
    }
}
