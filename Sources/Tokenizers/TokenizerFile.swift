import Files

/// What `tokenizer.json` (format 1.0 of the `tokenizers` package) says besides its vocabulary.
///
/// Truncation, padding and the decoder do not change which ids a text gets, and are ignored.
struct TokenizerFile: Decodable {
    var normalizer: Normalizer?
    var preTokenizer: Component?
    var postProcessor: PostProcessor?
    var model: Model?
    var addedTokens: [AddedToken]?

    enum CodingKeys: String, CodingKey {
        case normalizer, model
        case preTokenizer = "pre_tokenizer"
        case postProcessor = "post_processor"
        case addedTokens = "added_tokens"
    }

    struct Component: Decodable {
        var type: String
    }

    struct Normalizer: Decodable {
        var type: String
        var cleanText: Bool?
        var handleChineseCharacters: Bool?
        var stripAccents: Bool?
        var lowercase: Bool?

        enum CodingKeys: String, CodingKey {
            case type, lowercase
            case cleanText = "clean_text"
            case handleChineseCharacters = "handle_chinese_chars"
            case stripAccents = "strip_accents"
        }
    }

    struct PostProcessor: Decodable {
        var type: String
        var single: [TemplateItem]?
    }

    /// One place of a template: a special token, or the text itself.
    struct TemplateItem: Decodable {
        var specialToken: Name?
        var sequence: Name?

        enum CodingKeys: String, CodingKey {
            case specialToken = "SpecialToken"
            case sequence = "Sequence"
        }

        struct Name: Decodable {
            var id: String
        }

        var text: String { specialToken?.id ?? sequence.map { "$" + $0.id } ?? "?" }
    }

    struct Model: Decodable {
        var type: String?
        var unknownToken: String?
        var prefix: String?
        var maximumWordLength: Int?

        enum CodingKeys: String, CodingKey {
            case type
            case unknownToken = "unk_token"
            case prefix = "continuing_subword_prefix"
            case maximumWordLength = "max_input_chars_per_word"
        }
    }

    struct AddedToken: Decodable {
        var id: Int32
        var content: String
        var singleWord: Bool?
        var stripsLeft: Bool?
        var stripsRight: Bool?
        var normalized: Bool?

        enum CodingKeys: String, CodingKey {
            case id, content, normalized
            case singleWord = "single_word"
            case stripsLeft = "lstrip"
            case stripsRight = "rstrip"
        }

        var isPlain: Bool { ![singleWord, stripsLeft, stripsRight, normalized].contains(true) }
    }

    /// Every way in which the file asks for something other than BERT's WordPiece.
    func refusals(file: String) -> [InputError] {
        var refusals: [InputError] = []
        func require(_ field: String, _ found: String?, _ expected: String) {
            guard found != expected else { return }
            refusals.append(
                InputError(
                    file: file, field: field, problem: "is \(found ?? "missing"); supported is \(expected)",
                    remedy: "use a model with a BERT-style WordPiece tokenizer"))
        }
        require("model.type", model?.type, "WordPiece")
        require("normalizer.type", normalizer?.type, "BertNormalizer")
        require("pre_tokenizer.type", preTokenizer?.type, "BertPreTokenizer")
        // The parts of another kind of tokenizer have other settings: naming the kinds says it all.
        guard refusals.isEmpty else { return refusals }
        require("model.unk_token", model?.unknownToken, "[UNK]")
        require("model.continuing_subword_prefix", model?.prefix, WordPieceTokenizer.continuation)
        require(
            "model.max_input_chars_per_word", model?.maximumWordLength.map(String.init),
            String(WordPieceTokenizer.maximumWordLength))
        require("normalizer.clean_text", normalizer?.cleanText.map(String.init), "true")
        require("normalizer.handle_chinese_chars", normalizer?.handleChineseCharacters.map(String.init), "true")
        if postProcessor?.type != "BertProcessing" {
            require("post_processor.type", postProcessor?.type, "TemplateProcessing")
            require(
                "post_processor.single", postProcessor?.single?.map(\.text).joined(separator: " "), "[CLS] $A [SEP]")
        }
        for token in addedTokens ?? [] where !token.isPlain || token.content.isEmpty {
            require(
                "added_tokens", "`\(token.content)` with single_word, lstrip, rstrip or normalized", "a plain token")
        }
        return refusals
    }
}

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
