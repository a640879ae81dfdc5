extension PreTokenizer {
    /// Reads the `pre_tokenizer` of a `tokenizer.json`.
    init(_ node: JSONNode) throws {
        var object = try JSONObject(node)
        let type = try object.required("type")
        switch try type.string() {
        case "BertPreTokenizer":
            self = .sequence([
                .split(Self.blanks, .removed, inverted: false), .split(Self.punctuation, .isolated, inverted: false),
            ])
        case "Whitespace": self = .split(Self.words, .removed, inverted: true)
        case "WhitespaceSplit": self = .split(Self.blanks, .removed, inverted: false)
        case "Punctuation":
            let behavior = try object.optional("behavior").map(Self.behavior) ?? .isolated
            self = .split(Self.punctuation, behavior, inverted: false)
        case "Digits":
            let isSingle = try object.boolean("individual_digits")
            self = .split(Self.digits, isSingle ? .isolated : .contiguous, inverted: false)
        case "ByteLevel":
            let addsBlank = try object.boolean("add_prefix_space")
            _ = try object.boolean("trim_offsets", default: true)
            let usesPattern = try object.boolean("use_regex", default: true)
            self = .byteLevel(addsBlank: addsBlank, usesPattern ? .gpt2 : nil)
        case "Metaspace":
            let settings = try MetaspaceSettings(&object)
            self = .metaspace(settings.mark, settings.prefix, splits: settings.splits)
        case "Split":
            self = .split(
                try Pattern(reading: try object.required("pattern")),
                try Self.behavior(try object.required("behavior")), inverted: try object.boolean("invert"))
        case "Sequence":
            let nodes = try object.required("pretokenizers").elements()
            let parts = try nodes.map { try PreTokenizer($0) }
            for (node, part) in zip(nodes, parts).dropLast() where part.isByteLevel {
                throw node.error("is ByteLevel before another pre-tokenizer", remedy: JSONObject.unknown)
            }
            self = .sequence(parts)
        default:
            throw type.error(
                "`\(try type.string())` is not a pre-tokenizer that is known here", remedy: JSONObject.unknown)
        }
        try object.finish()
    }

    private static func behavior(_ node: JSONNode) throws -> SplitText.Behavior {
        guard let behavior = SplitText.Behavior(rawValue: try node.string()) else {
            throw node.error("is not Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous")
        }
        return behavior
    }

    private static let blanks = Pattern(set: set(ScalarClass.blank))
    /// By the categories of the newest Unicode, unlike those in regular expressions.
    private static let digits = listed { scalar in
        [.decimalNumber, .letterNumber, .otherNumber].contains(scalar.properties.generalCategory)
    }
    private static let punctuation = listed(BertCharacter.isPunctuation)

    private static func listed(_ belongs: (Unicode.Scalar) -> Bool) -> Pattern {
        var set = ScalarSet()
        var start: UInt32?
        for value: UInt32 in 0...0x2_0000 {
            let isInside = value < 0x2_0000 && Unicode.Scalar(value).map(belongs) ?? false
            if isInside, start == nil { start = value }
            if !isInside, let first = start {
                set.insert(first...value - 1)
                start = nil
            }
        }
        return Pattern(set: set)
    }

    /// `\w+|[^\w\s]+`
    private static let words: Pattern = {
        var other = set(ScalarClass.wordWithJoiners | ScalarClass.blank)
        other.negate()
        let sets = [set(ScalarClass.wordWithJoiners), other]
        return Pattern(source: "", alternatives: sets.map { [Pattern.Term(set: $0, minimum: 1, maximum: .max)] })
    }()

    private static func set(_ classes: ScalarClass.Mask) -> ScalarSet {
        var set = ScalarSet()
        set.insert(classes: classes)
        return set
    }
}
