/// What a `tokenizer.json` does to a text before it is split.
indirect enum Normalizer: Sendable {
    case bert(cleans: Bool, separatesIdeographs: Bool, stripsAccents: Bool, lowercases: Bool)
    case lowercase
    case form(CanonicalForm)
    case stripAccents
    case strip(left: Bool, right: Bool)
    case replace(Pattern, with: String)
    case prepend(String)
    case precompiled(PrecompiledCharacterMap)
    case sequence([Normalizer])

    /// What is done one after the other.
    var steps: [Normalizer] {
        guard case .sequence(let parts) = self else { return [self] }
        return parts.flatMap(\.steps)
    }

    /// The longest text that one step puts in the place of another, or before a text, in bytes.
    private static let longestContent = 4096

    func apply(to text: inout NormalizedText) {
        switch self {
        case .bert(let cleans, let separatesIdeographs, let stripsAccents, let lowercases):
            if cleans {
                text.filter { !BertCharacter.isRemoved($0) }
                text.flatMap { [BertCharacter.isBlank($0) ? " " : $0] }
            }
            if separatesIdeographs { text.flatMap { BertCharacter.isIdeograph($0) ? [" ", $0, " "] : [$0] } }
            if stripsAccents {
                Normalizer.form(.nfd).apply(to: &text)
                text.filter { !BertCharacter.isAccent($0) }
            }
            if lowercases { Normalizer.lowercase.apply(to: &text) }
        case .lowercase: text.flatMap { Array($0.properties.lowercaseMapping.unicodeScalars) }
        case .form(let form):
            if let changes = form.changes(to: text.bytes) { text.transform(changes) }
        case .stripAccents: text.filter { !isMark($0) }
        case .strip(let left, let right): Self.strip(&text, left: left, right: right)
        case .replace(let pattern, let content): text.replace(pattern, with: content)
        case .prepend(let prefix): text.prepend(prefix)
        case .precompiled(let map):
            if let changes = text.bytes.withUnsafeBufferPointer(map.changes) { text.transform(changes) }
        case .sequence(let parts): for part in parts { part.apply(to: &text) }
        }
    }

    /// A mark by the categories of Unicode 9; two signs have become letters since.
    private func isMark(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == "\u{1CF2}" || scalar == "\u{1CF3}" { return true }
        return scalar.isOlderThanUnicode10 && ScalarClass.mask(of: scalar) & ScalarClass.mark != 0
    }

    private static func strip(_ text: inout NormalizedText, left: Bool, right: Bool) {
        let scalars = text.scalars
        let isBlank = scalars.map(\.properties.isWhitespace)
        let first = left ? isBlank.firstIndex(of: false) ?? isBlank.count : 0
        let end = right ? (isBlank.lastIndex(of: false) ?? -1) + 1 : isBlank.count
        guard first > 0 || end < isBlank.count else { return }
        text.transform(scalars[first..<max(first, end)].map { ScalarChange($0) }, initiallyRemoved: first)
    }
}

extension Normalizer {
    /// Reads the `normalizer` of a `tokenizer.json`.
    init(_ node: JSONNode) throws {
        var object = try JSONObject(node)
        let type = try object.required("type")
        func content(of key: String) throws -> String {
            let node = try object.required(key)
            let text = try node.string()
            guard text.utf8.count <= Self.longestContent else {
                throw node.error("has \(text.utf8.count) bytes; at most \(Self.longestContent) are read")
            }
            return text
        }
        switch try type.string() {
        case "BertNormalizer":
            let lowercases = try object.boolean("lowercase")
            self = .bert(
                cleans: try object.boolean("clean_text"),
                separatesIdeographs: try object.boolean("handle_chinese_chars"),
                stripsAccents: try object.boolean("strip_accents", default: lowercases), lowercases: lowercases)
        case "Lowercase": self = .lowercase
        case "NFC": self = .form(.nfc)
        case "NFD": self = .form(.nfd)
        case "NFKC": self = .form(.nfkc)
        case "NFKD": self = .form(.nfkd)
        case "StripAccents": self = .stripAccents
        case "Strip":
            self = .strip(left: try object.boolean("strip_left"), right: try object.boolean("strip_right"))
        case "Replace":
            self = .replace(
                try Pattern(reading: try object.required("pattern")), with: try content(of: "content"))
        case "Precompiled":
            let map = try object.required("precompiled_charsmap")
            self = .precompiled(try PrecompiledCharacterMap(base64: try map.string(), file: map.file, field: map.path))
        case "Prepend": self = .prepend(try content(of: "prepend"))
        case "Sequence": self = .sequence(try object.required("normalizers").elements().map { try Normalizer($0) })
        default:
            throw type.error(
                "`\(try type.string())` is not a normalizer that is known here", remedy: JSONObject.unknown)
        }
        try object.finish()
    }
}

extension Pattern {
    /// Reads `{"String": …}` or `{"Regex": …}`.
    init(reading node: JSONNode) throws {
        var object = try JSONObject(node)
        if let text = try object.optional("String") {
            let literal = try text.string()
            guard !literal.isEmpty, literal.utf8.count <= 512 else { throw text.error("is empty or very long") }
            self.init(literal: literal)
        } else {
            let regex = try object.required("Regex")
            self = try PatternParser.parse(try regex.string(), at: regex)
        }
        try object.finish()
    }
}
