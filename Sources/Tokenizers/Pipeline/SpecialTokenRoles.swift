import Foundation

/// Which tokens have a role of their own, by name, and which end of a long text is cut, as `special_tokens_map.json` and `tokenizer_config.json` say it.
struct SpecialTokenRoles: Sendable {
    private var names: [String: String] = [:]
    /// Whether a text that is too long loses its beginning (`"truncation_side": "left"`), not its end.
    private(set) var keepsEnd = false

    /// What a token is usually called where no file says so.
    private static let usual: [String: [String]] = [
        "pad_token": ["[PAD]", "<pad>"], "unk_token": ["[UNK]", "<unk>"], "cls_token": ["[CLS]"],
        "sep_token": ["[SEP]"], "mask_token": ["[MASK]", "<mask>"], "bos_token": ["<s>", "<|begin_of_text|>"],
        "eos_token": ["</s>", "<|endoftext|>", "<|end_of_text|>"],
    ]
    static let files = ["tokenizer_config.json", "special_tokens_map.json"]

    init() {}

    /// - Parameter names: tokens by role: `bos_token`, `eos_token`, `pad_token` and so on.
    init(_ names: [String: String]) { self.names = names }

    /// Reads the files beside a `tokenizer.json`. What they say besides has no part here and is left alone.
    init(_ files: [String: Data], directory: URL) throws {
        for name in Self.files {
            guard let bytes = files[name] else { continue }
            let node = try JSONNode(Array(bytes), file: directory.appendingPathComponent(name).path)
            try node.forEachMember { role, value in
                if role == "truncation_side", try !value.isNull { keepsEnd = try value.string() == "left" }
                guard Self.usual[role] != nil, try !value.isNull else { return }
                if try value.isString {
                    names[role] = try value.string()
                } else {
                    var token = try JSONObject(value)
                    names[role] = try token.required("content").string()
                }
            }
        }
    }

    /// - Parameters:
    ///   - find: the id of a token.
    ///   - isAdded: whether an id belongs to an added token; only such a one is taken by its usual name.
    func tokens(_ find: (String) -> Int32?, isAdded: (Int32) -> Bool) -> SpecialTokens {
        func id(_ role: String) -> Int32? {
            if let name = names[role] { return find(name) }
            guard names.isEmpty else { return nil }
            return Self.usual[role]?.lazy.compactMap(find).first(where: isAdded)
        }
        return SpecialTokens(
            pad: id("pad_token"), unknown: id("unk_token"), classification: id("cls_token"),
            separator: id("sep_token"), mask: id("mask_token"), beginning: id("bos_token"), end: id("eos_token"))
    }
}
