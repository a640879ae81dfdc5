import Files

/// A token that is recognised in texts before the model sees them.
struct AddedToken: Sendable, Equatable {
    var id: Int32
    var content: String
    /// Left out by decoding that skips special tokens.
    var isSpecial = true
    /// Only where no letter, digit or mark stands directly before or behind it.
    var isSingleWord = false
    /// Takes the white space before it.
    var stripsLeft = false
    /// Takes the white space behind it.
    var stripsRight = false
    /// Is looked for in the normalized text, in its own normalized form.
    var isNormalized = false

    init(id: Int32, content: String, isSpecial: Bool = true) {
        self.id = id
        self.content = content
        self.isSpecial = isSpecial
    }

    /// Reads an element of `added_tokens`.
    init(_ node: JSONNode) throws {
        var object = try JSONObject(node)
        let idNode = try object.required("id")
        guard let id = Int32(exactly: try idNode.integer()), id >= 0 else { throw idNode.error("is not a token id") }
        self.id = id
        content = try object.required("content").string()
        isSpecial = try object.boolean("special", default: false)
        isSingleWord = try object.boolean("single_word", default: false)
        stripsLeft = try object.boolean("lstrip", default: false)
        stripsRight = try object.boolean("rstrip", default: false)
        isNormalized = try object.boolean("normalized", default: !isSpecial)
        try object.finish()
    }

    /// The longest form of an added token, in bytes; those of published tokenizers have some tens.
    private static let longest = 1 << 16

    /// The form in which the token is looked for.
    ///
    /// - Throws: `InputError` where it, or what a step of the normalizer makes of it, is longer than anyone wrote by intent.
    func normalizedContent(_ normalizer: Normalizer?, file: String?) throws -> String {
        var content = content
        var text = content.withUTF8 { NormalizedText($0, firstScalar: nil) }
        func check() throws {
            guard text.bytes.count > Self.longest else { return }
            throw InputError(
                file: file, field: "added_tokens",
                problem: "token \(id) is normalized to \(text.bytes.count) bytes; at most \(Self.longest) are read",
                remedy: "take the file from the model's publisher again")
        }
        try check()
        for step in normalizer?.steps ?? [] {
            step.apply(to: &text)
            try check()
        }
        return String(decoding: text.bytes, as: UTF8.self)
    }

    var json: String {
        """
        {"id": \(id), "content": \(JSONString.quote(content)), "single_word": \(isSingleWord), "lstrip": \(stripsLeft), \
        "rstrip": \(stripsRight), "normalized": \(isNormalized), "special": \(isSpecial)}
        """
    }
}
