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

    func normalizedContent(_ normalizer: Normalizer?) -> String {
        guard let normalizer else { return content }
        var content = content
        var text = content.withUTF8 { NormalizedText($0, firstScalar: nil) }
        normalizer.apply(to: &text)
        return String(decoding: text.bytes, as: UTF8.self)
    }

    var json: String {
        """
        {"id": \(id), "content": \(JSONString.quote(content)), "single_word": \(isSingleWord), "lstrip": \(stripsLeft), \
        "rstrip": \(stripsRight), "normalized": \(isNormalized), "special": \(isSpecial)}
        """
    }
}
