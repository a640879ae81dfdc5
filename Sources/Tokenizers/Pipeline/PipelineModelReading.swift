import Files

extension PipelineDescription.Model {
    /// Reads the `model` of a `tokenizer.json`.
    init(_ node: JSONNode) throws {
        var object = try JSONObject(node)
        let merges = try object.optional("merges")
        // Old files do not name the type of the model; then what it has tells.
        let type = try object.optional("type").map { try $0.string() } ?? (merges == nil ? "WordPiece" : "BPE")
        switch type {
        case "BPE":
            let vocabulary = try Self.vocabulary(try object.required("vocab"))
            let settings = try Self.bytePairSettings(&object)
            if let unknown = settings.unknownToken, vocabulary.id(of: unknown) == nil {
                throw try object.required("unk_token").error("`\(unknown)` is not in the vocabulary")
            }
            let list = try Self.merges(
                try object.required("merges"), vocabulary, prefix: settings.continuingPrefix)
            self.init(kind: .bytePair(settings, merges: list), vocabulary: vocabulary)
        case "WordPiece":
            let vocabulary = try Self.vocabulary(try object.required("vocab"))
            let unknown = try object.required("unk_token")
            guard vocabulary.id(of: try unknown.string()) != nil else {
                throw unknown.error("`\(try unknown.string())` is not in the vocabulary")
            }
            let length = try object.required("max_input_chars_per_word")
            guard try length.integer() >= 0 else { throw length.error("is negative") }
            self.init(
                kind: .wordPiece(
                    unknown: try unknown.string(), prefix: try object.required("continuing_subword_prefix").string(),
                    maximumLength: try length.integer()),
                vocabulary: vocabulary)
        case "Unigram":
            let (vocabulary, scores) = try Self.pieces(try object.required("vocab"))
            let unknown = try object.required("unk_id")
            guard vocabulary.contains(Int32(clamping: try unknown.integer())) else {
                throw unknown.error("is \(try unknown.integer()); there are \(vocabulary.count) pieces")
            }
            self.init(
                kind: .unigram(
                    scores: scores, unknown: Int32(clamping: try unknown.integer()),
                    byteFallback: try object.boolean("byte_fallback", default: false)),
                vocabulary: vocabulary)
        default:
            throw try object.required("type").error(
                "`\(type)` is not a model that is known here", remedy: "known are BPE, Unigram and WordPiece")
        }
        try object.finish()
    }

    private static func bytePairSettings(_ object: inout JSONObject) throws -> BytePairModel.Settings {
        var settings = BytePairModel.Settings()
        settings.unknownToken = try object.optional("unk_token")?.string()
        settings.fusesUnknown = try object.boolean("fuse_unk", default: false)
        settings.byteFallback = try object.boolean("byte_fallback", default: false)
        settings.ignoresMerges = try object.boolean("ignore_merges", default: false)
        settings.continuingPrefix = try object.optional("continuing_subword_prefix")?.string() ?? ""
        settings.endSuffix = try object.optional("end_of_word_suffix")?.string() ?? ""
        if let dropout = try object.optional("dropout"), try dropout.number() != 0 {
            throw dropout.error("asks for another result each time", remedy: "set it to null")
        }
        return settings
    }

    /// The tokens of an object of ids, which must be 0, 1, 2, … without a gap, in any order.
    static func vocabulary(_ node: JSONNode) throws -> Vocabulary {
        var entries: [(token: String, id: Int)] = []
        var bytes = 0
        var isOrdered = true
        try node.forEachMember { token, value in
            let id = try value.integer()
            bytes += token.utf8.count
            guard id >= 0, id < Vocabulary.maximumTokens else {
                throw value.error("is \(id), which is not a token id")
            }
            guard entries.count < Vocabulary.maximumTokens else { throw node.error("has too many tokens") }
            isOrdered = isOrdered && id == entries.count
            entries.append((token, id))
        }
        if !isOrdered {
            entries.sort { $0.id < $1.id }
            for (index, entry) in entries.enumerated() where entry.id != index {
                throw node.error(
                    index > 0 && entries[index - 1].id == entry.id
                        ? "gives the id \(entry.id) to `\(entries[index - 1].token)` and to `\(entry.token)`"
                        : "has \(entries.count) tokens but none with the id \(index)")
            }
        }
        var vocabulary = Vocabulary(capacity: entries.count)
        for entry in entries {
            guard vocabulary.hasRoom(for: entry.token.utf8.count) else { throw node.error("is too large") }
            if let earlier = vocabulary.append(entry.token.utf8) {
                throw node.error("has `\(entry.token)` twice, as \(earlier) and as \(entry.id)")
            }
        }
        return vocabulary
    }

    /// `[["piece", score], …]`.
    private static func pieces(_ node: JSONNode) throws -> (Vocabulary, [Double]) {
        var vocabulary = Vocabulary()
        var scores: [Double] = []
        try node.forEachElement { element in
            let parts = try element.elements()
            guard parts.count == 2 else { throw element.error("is not a piece with its score") }
            let piece = try parts[0].string()
            guard vocabulary.hasRoom(for: piece.utf8.count) else { throw node.error("is too large") }
            vocabulary.appendLatest(Array(piece.utf8))
            scores.append(try parts[1].number())
        }
        return (vocabulary, scores)
    }

    /// `["a b", …]` or `[["a", "b"], …]`.
    private static func merges(
        _ node: JSONNode, _ vocabulary: Vocabulary, prefix: String
    ) throws -> [PipelineDescription.PairMerge] {
        var merges: [PipelineDescription.PairMerge] = []
        var joined: [UInt8] = []
        try node.forEachElement { element in
            guard merges.count < Vocabulary.maximumTokens else { throw node.error("has too many entries") }
            let parts: [String]
            if try element.isArray {
                parts = try element.elements().map { try $0.string() }
            } else {
                parts = try element.string().split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            }
            guard parts.count == 2 else { throw element.error("does not name two tokens") }
            func id(_ token: String) throws -> Int32 {
                if let id = vocabulary.id(of: token) { return id }
                throw element.error("names `\(token)`, which is not in the vocabulary")
            }
            let pair = (try id(parts[0]), try id(parts[1]))
            guard parts[1].utf8.count >= prefix.utf8.count else { throw element.error("is shorter than the prefix") }
            joined.removeAll(keepingCapacity: true)
            joined += parts[0].utf8
            joined += parts[1].utf8.dropFirst(prefix.utf8.count)
            guard let result = joined.withUnsafeBufferPointer({ vocabulary.id(of: $0) }) else {
                throw element.error(
                    "joins to `\(String(decoding: joined, as: UTF8.self))`, which is not in the vocabulary")
            }
            merges.append(
                PipelineDescription.PairMerge(
                    first: pair.0, second: pair.1, rank: UInt32(merges.count), joined: result))
        }
        return merges
    }
}

extension PipelineDescription.Model {
    /// The members of `model`, indented.
    var json: String {
        func optional(_ text: String?) -> String { text.map(JSONString.quote) ?? "null" }
        switch kind {
        case .unigram(let scores, let unknown, let byteFallback):
            let pieces = scores.enumerated().map { id, score in
                "      [\(JSONString.quote(vocabulary.token(Int32(id)))), \(ScoreText.text(of: score))]"
            }
            return """
                    "type": "Unigram",
                    "unk_id": \(unknown),
                    "byte_fallback": \(byteFallback),
                    "vocab": [
                \(pieces.joined(separator: ",\n"))
                    ]
                """
        case .wordPiece(let unknown, let prefix, let maximumLength):
            return """
                    "type": "WordPiece",
                    "unk_token": \(JSONString.quote(unknown)),
                    "continuing_subword_prefix": \(JSONString.quote(prefix)),
                    "max_input_chars_per_word": \(maximumLength),
                \(idsJSON)
                """
        case .bytePair(let settings, let merges):
            let pairs = merges.map {
                "      [\(JSONString.quote(vocabulary.token($0.first))), \(JSONString.quote(vocabulary.token($0.second)))]"
            }
            return """
                    "type": "BPE",
                    "dropout": null,
                    "unk_token": \(optional(settings.unknownToken)),
                    "continuing_subword_prefix": \(optional(settings.continuingPrefix.isEmpty ? nil : settings.continuingPrefix)),
                    "end_of_word_suffix": \(optional(settings.endSuffix.isEmpty ? nil : settings.endSuffix)),
                    "fuse_unk": \(settings.fusesUnknown),
                    "byte_fallback": \(settings.byteFallback),
                    "ignore_merges": \(settings.ignoresMerges),
                \(idsJSON),
                    "merges": [
                \(pairs.joined(separator: ",\n"))
                    ]
                """
        }
    }

    /// The tokens with their ids.
    private var idsJSON: String {
        let tokens = (0..<Int32(vocabulary.count)).map { "      \(JSONString.quote(vocabulary.token($0))): \($0)" }
        return "    \"vocab\": {\n" + tokens.joined(separator: ",\n") + "\n    }"
    }
}
