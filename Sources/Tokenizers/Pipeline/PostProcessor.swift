/// What a `tokenizer.json` does to the ids of a text, or of a pair, at the end: its special tokens, its types, its offsets.
indirect enum PostProcessor: Sendable {
    case template(single: [Item], pair: [Item])
    /// `opening A closing`, and `closing B closing` (with `doublesSeparator`) or `B closing` for a pair.
    case framed(opening: Int32, closing: Int32, isRoberta: Bool, trimming: Trimming?)
    case byteLevel(Trimming?)
    case sequence([PostProcessor])

    /// Whether a blank that the pre-tokenizer added is left in the first token's offsets.
    struct Trimming: Sendable, Equatable { var keepsAddedBlank: Bool }

    /// One place of a template.
    enum Item: Sendable, Equatable {
        case text(index: Int, typeID: Int32)
        case special(ids: [Int32], typeID: Int32)
    }

    /// How many special tokens are added.
    func addedTokens(isPair: Bool) -> Int {
        switch self {
        case .template(let single, let pair):
            (isPair ? pair : single).reduce(0) { count, item in
                if case .special(let ids, _) = item { count + ids.count } else { count }
            }
        case .framed(_, _, let isRoberta, _): isPair ? (isRoberta ? 4 : 3) : 2
        case .byteLevel: 0
        case .sequence(let parts): parts.reduce(0) { $0 + $1.addedTokens(isPair: isPair) }
        }
    }

    /// The texts, one or two, with everything that belongs around them.
    func apply(to texts: [EncodedText], addingSpecialTokens: Bool) -> [EncodedText] {
        switch self {
        case .template(let single, let pair):
            return (texts.count == 2 ? pair : single).compactMap { item in
                switch item {
                case .text(let index, let typeID):
                    guard texts.indices.contains(index) else { return nil }
                    var text = texts[index]
                    text.setType(typeID)
                    return text
                case .special(let ids, let typeID):
                    return addingSpecialTokens ? EncodedText(special: ids, typeID: typeID) : nil
                }
            }
        case .framed(let opening, let closing, let isRoberta, let trimming):
            return texts.enumerated().map { index, text in
                var text = text
                if let trimming { text.trim(trimming) }
                if isRoberta { text.setType(0) }
                guard addingSpecialTokens else { return text }
                let typeID: Int32 = isRoberta || index == 0 ? 0 : 1
                let before = index == 0 ? [opening] : isRoberta ? [closing] : []
                return EncodedText(special: before, typeID: typeID) + text
                    + EncodedText(special: [closing], typeID: typeID)
            }
        case .byteLevel(let trimming):
            guard let trimming else { return texts }
            return texts.map { text in
                var text = text
                text.trim(trimming)
                return text
            }
        case .sequence(let parts):
            return parts.reduce(texts) { $1.apply(to: $0, addingSpecialTokens: addingSpecialTokens) }
        }
    }

    /// Whether it is BERT's: `opening A closing`, and `B closing` of type 1 for a pair.
    func isBert(opening: Int32, closing: Int32) -> Bool {
        switch self {
        case .framed(opening, closing, false, nil): return true
        case .template(let single, let pair):
            let first = [
                Item.special(ids: [opening], typeID: 0), .text(index: 0, typeID: 0),
                .special(ids: [closing], typeID: 0),
            ]
            return single == first
                && pair == first + [.text(index: 1, typeID: 1), .special(ids: [closing], typeID: 1)]
        default: return false
        }
    }

    /// Whether it puts the texts into a frame; only one in a sequence can.
    private var isFrame: Bool {
        switch self {
        case .template, .framed: true
        case .byteLevel: false
        case .sequence(let parts): parts.contains(where: \.isFrame)
        }
    }
}

extension PostProcessor {
    /// Reads the `post_processor` of a `tokenizer.json`.
    ///
    /// - Parameter size: how many token ids there are.
    init(_ node: JSONNode, size: Int) throws {
        var object = try JSONObject(node)
        let type = try object.required("type")
        func trimming(_ object: inout JSONObject) throws -> Trimming? {
            let keeps = try object.boolean("add_prefix_space", default: true)
            return try object.boolean("trim_offsets", default: true) ? Trimming(keepsAddedBlank: keeps) : nil
        }
        switch try type.string() {
        case "BertProcessing", "RobertaProcessing":
            let isRoberta = try type.string() == "RobertaProcessing"
            self = .framed(
                opening: try Self.frameToken(try object.required("cls"), size: size),
                closing: try Self.frameToken(try object.required("sep"), size: size), isRoberta: isRoberta,
                trimming: isRoberta ? try trimming(&object) : nil)
        case "ByteLevel":
            object.ignore("use_regex")
            self = .byteLevel(try trimming(&object))
        case "TemplateProcessing":
            let special = try Self.specialTokens(try object.required("special_tokens"), size: size)
            self = .template(
                single: try Self.template(try object.required("single"), special, texts: 1),
                pair: try Self.template(try object.required("pair"), special, texts: 2))
        case "Sequence":
            let parts = try object.required("processors").elements().map { try PostProcessor($0, size: size) }
            guard parts.count(where: \.isFrame) <= 1 else {
                throw node.error("puts special tokens around a text twice")
            }
            self = .sequence(parts)
        default:
            throw type.error(
                "`\(try type.string())` is not a post-processor that is known here", remedy: JSONObject.unknown)
        }
        try object.finish()
    }

    private static func tokenID(_ node: JSONNode, size: Int) throws -> Int32 {
        let id = try node.integer()
        guard (0..<size).contains(id) else { throw node.error("is \(id), which is not one of the \(size) token ids") }
        return Int32(id)
    }

    /// `["[SEP]", 102]`
    private static func frameToken(_ node: JSONNode, size: Int) throws -> Int32 {
        let parts = try node.elements()
        guard parts.count == 2 else { throw node.error("is not a token and its id") }
        _ = try parts[0].string()
        return try tokenID(parts[1], size: size)
    }

    private static func specialTokens(_ node: JSONNode, size: Int) throws -> [String: [Int32]] {
        var tokens: [String: [Int32]] = [:]
        try node.forEachMember { name, value in
            var object = try JSONObject(value)
            object.ignore("id")
            object.ignore("tokens")
            tokens[name] = try object.required("ids").elements().map { try tokenID($0, size: size) }
            try object.finish()
        }
        return tokens
    }

    private static func template(_ node: JSONNode, _ special: [String: [Int32]], texts: Int) throws -> [Item] {
        try node.elements().map { node in
            var item = try JSONObject(node)
            let special = special
            if let sequence = try item.optional("Sequence") {
                var sequence = try JSONObject(sequence)
                let name = try sequence.required("id")
                guard let index = ["A", "B"].firstIndex(of: try name.string()), index < texts else {
                    throw name.error("is not a text of the template")
                }
                let typeID = Int32(truncatingIfNeeded: try sequence.required("type_id").integer())
                try sequence.finish()
                try item.finish()
                return .text(index: index, typeID: typeID)
            }
            var token = try JSONObject(try item.required("SpecialToken"))
            let name = try token.required("id")
            guard let ids = special[try name.string()] else { throw name.error("is not in `special_tokens`") }
            let typeID = Int32(truncatingIfNeeded: try token.required("type_id").integer())
            try token.finish()
            try item.finish()
            return .special(ids: ids, typeID: typeID)
        }
    }
}
