import Files

/// The tokenizer inside a GGUF file: the values of its `tokenizer.ggml.…` keys, as whoever reads the file passes them.
public struct GGUFVocabulary: Sendable {
    /// `tokenizer.ggml.model`: `gpt2` (byte-level byte-pair encoding) or `llama` (SentencePiece's).
    public var model: String
    /// `tokenizer.ggml.pre`: which pattern splits texts, for `gpt2`.
    public var pre: String?
    public var tokens: [String]
    /// `tokenizer.ggml.token_type`: 1 normal, 2 unknown, 3 control, 4 defined by a user, 5 unused, 6 a byte. Empty: all normal.
    public var types: [Int32] = []
    /// `tokenizer.ggml.merges`, for `gpt2`.
    public var merges: [String] = []
    /// `tokenizer.ggml.scores`, for `llama`.
    public var scores: [Float] = []
    /// `tokenizer.ggml.bos_token_id`, `eos_token_id`, `unknown_token_id`, `padding_token_id` and so on.
    public var special = SpecialTokens()
    /// `tokenizer.ggml.add_bos_token`
    public var addsBeginning: Bool?
    /// `tokenizer.ggml.add_eos_token`
    public var addsEnd: Bool?
    /// `tokenizer.ggml.add_space_prefix`, for `llama`.
    public var addsBlank: Bool?

    public init(model: String, pre: String? = nil, tokens: [String]) {
        self.model = model
        self.pre = pre
        self.tokens = tokens
    }

    /// Splits texts as GPT-2 does; also the decoder of bytes, whose settings say nothing but must be there.
    private static let gpt2 = #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true}"#

    /// How texts are split and what else the name in `tokenizer.ggml.pre` says, as llama.cpp has it.
    static func byteLevel(_ pre: String) -> (preTokenizer: String, ignoresMerges: Bool)? {
        func sequence(_ parts: [String]) -> String {
            #"{"type":"Sequence","pretokenizers":["# + parts.joined(separator: ",") + "]}"
        }
        func split(_ pattern: String) -> String {
            #"{"type":"Split","pattern":{"Regex":"#
                + JSONString.quote(pattern) + #"},"behavior":"Isolated","invert":false}"#
        }
        let bytes = #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}"#
        let endings = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
        func modern(_ numbers: String) -> String {
            sequence([
                split(
                    endings + #"|[^\r\n\p{L}\p{N}]?\p{L}+|"# + numbers
                        + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#), bytes,
            ])
        }
        switch pre {
        case "gpt-2": return (gpt2, false)
        case "smollm": return (sequence([#"{"type":"Digits","individual_digits":true}"#, gpt2]), false)
        case "llama-bpe", "llama3", "llama-v3": return (modern(#"\p{N}{1,3}"#), true)
        case "qwen2": return (modern(#"\p{N}"#), false)
        case "default":
            let patterns = [#"[\p{P}\$\+<=>\^~\|]+"#, #"\p{N}+"#, "[0-9][0-9][0-9]"]
            let words = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"#
            return (sequence(([patterns[0], words] + patterns[1...]).map(split) + [bytes]), false)
        default: return nil
        }
    }

    /// The same tokenizer as the parts of a `tokenizer.json`.
    ///
    /// - Throws: `InputError` for a model or a pre-tokenizer that is not known, and for lists that do not fit together.
    func pipeline(file: String?) throws -> PipelineDescription {
        let vocabulary = try vocabulary(file: file)
        var description: PipelineDescription
        switch model {
        case "gpt2":
            guard let (preTokenizer, ignoresMerges) = Self.byteLevel(pre ?? "default") else {
                throw refusal(
                    "pre", "`\(pre ?? "")` is not a way of splitting texts that is known here", file: file,
                    remedy: "known are default, gpt-2, llama-bpe, qwen2 and smollm")
            }
            var settings = BytePairModel.Settings()
            settings.ignoresMerges = ignoresMerges
            description = PipelineDescription(
                model: .init(
                    kind: .bytePair(settings, merges: try listedMerges(vocabulary, file: file)), vocabulary: vocabulary)
            )
            description.preTokenizer = preTokenizer
            description.decoder = Self.gpt2
        case "llama":
            var settings = BytePairModel.Settings()
            settings.byteFallback = true
            settings.fusesUnknown = true
            settings.unknownToken = special.unknown.map { vocabulary.token($0) }
            description = PipelineDescription(
                model: .init(
                    kind: .bytePair(settings, merges: try scoredMerges(vocabulary, file: file)), vocabulary: vocabulary)
            )
            let marks = #"{"type":"Replace","pattern":{"String":" "},"content":"▁"}"#
            let first = #"{"type":"Prepend","prepend":"▁"}"#
            description.normalizer =
                addsBlank ?? true ? #"{"type":"Sequence","normalizers":["# + first + "," + marks + "]}" : marks
            let blanks = #"{"type":"Replace","pattern":{"String":"▁"},"content":" "}"#
            let strip = addsBlank ?? true ? #",{"type":"Strip","content":" ","start":1,"stop":0}"# : ""
            description.decoder =
                #"{"type":"Sequence","decoders":["# + blanks + #",{"type":"ByteFallback"},{"type":"Fuse"}"# + strip
                + "]}"
        default:
            throw refusal(
                "model", "`\(model)` is not a kind of tokenizer that is known here", file: file,
                remedy: "known are gpt2 and llama")
        }
        description.addedTokens = types.enumerated().compactMap { index, type in
            guard type == 3 || type == 4 || (type == 2 && model == "llama") else { return nil }
            return AddedToken(id: Int32(index), content: tokens[index], isSpecial: type != 4)
        }
        description.postProcessor = template(vocabulary)
        return description
    }

    func refusal(_ key: String, _ problem: String, file: String?, remedy: String? = nil) -> InputError {
        InputError(
            file: file, field: "tokenizer.ggml.\(key)", problem: problem,
            remedy: remedy ?? "convert the model again with the tool that made the file")
    }

    private func vocabulary(file: String?) throws -> Vocabulary {
        for (key, count) in [("token_type", types.count), ("scores", scores.count)] where count > 0 {
            guard count == tokens.count else {
                throw refusal(key, "has \(count) entries for \(tokens.count) tokens", file: file)
            }
        }
        var vocabulary = Vocabulary(capacity: tokens.count)
        for (index, token) in tokens.enumerated() {
            guard vocabulary.hasRoom(for: token.utf8.count) else { throw refusal("tokens", "are too many", file: file) }
            if let earlier = vocabulary.append(token.utf8) {
                throw refusal("tokens", "has `\(token)` twice, as \(earlier) and as \(index)", file: file)
            }
        }
        let roles = [
            ("bos", special.beginning), ("eos", special.end), ("unknown", special.unknown), ("padding", special.pad),
            ("cls", special.classification), ("seperator", special.separator), ("mask", special.mask),
        ]
        for (role, id) in roles {
            guard let id, !vocabulary.contains(id) else { continue }
            throw refusal("\(role)_token_id", "is \(id), but there are \(tokens.count) tokens", file: file)
        }
        return vocabulary
    }

    /// `bos A eos`, as far as the file asks for it.
    private func template(_ vocabulary: Vocabulary) -> String? {
        let opening = addsBeginning ?? (model == "llama") ? special.beginning : nil
        let closing = addsEnd ?? false ? special.end : nil
        guard opening != nil || closing != nil else { return nil }
        func item(_ id: Int32?, _ typeID: Int) -> [String] {
            id.map {
                [#"{"SpecialToken":{"id":\#(JSONString.quote(vocabulary.token($0))),"type_id":\#(typeID)}}"#]
            } ?? []
        }
        func text(_ name: String, _ typeID: Int) -> [String] {
            item(opening, typeID) + [#"{"Sequence":{"id":"\#(name)","type_id":\#(typeID)}}"#] + item(closing, typeID)
        }
        let names = Set([opening, closing].compactMap { $0 }).sorted().map { id in
            let name = JSONString.quote(vocabulary.token(id))
            return #"\#(name):{"id":\#(name),"ids":[\#(id)],"tokens":[\#(name)]}"#
        }
        let single = text("A", 0).joined(separator: ",")
        let pair = (text("A", 0) + text("B", 1)).joined(separator: ",")
        return #"{"type":"TemplateProcessing","single":[\#(single)],"pair":[\#(pair)],"#
            + #""special_tokens":{\#(names.joined(separator: ","))}}"#
    }
}

extension PipelineTokenizer {
    /// The tokenizer inside a GGUF file.
    ///
    /// - Parameters:
    ///   - recognizesSpecialTokens: whether control tokens that are written out in a text are these tokens, as in a prompt that
    ///     a chat template made; otherwise they are text like any other.
    ///   - file: what errors name.
    /// - Throws: `InputError` for a kind of tokenizer that is not known, and for lists that do not fit together.
    public convenience init(
        _ gguf: GGUFVocabulary, recognizesSpecialTokens: Bool = true, file: String? = nil
    ) throws {
        let names: [(String, Int32?)] = [
            ("bos_token", gguf.special.beginning), ("eos_token", gguf.special.end), ("unk_token", gguf.special.unknown),
            ("pad_token", gguf.special.pad), ("cls_token", gguf.special.classification),
            ("sep_token", gguf.special.separator), ("mask_token", gguf.special.mask),
        ]
        let description = try gguf.pipeline(file: file)
        let roles = names.compactMap { role, id in id.map { (role, gguf.tokens[Int($0)]) } }
        try self.init(
            description, roles: SpecialTokenRoles(Dictionary(uniqueKeysWithValues: roles)), file: file,
            recognizesSpecialTokens: recognizesSpecialTokens)
    }
}
