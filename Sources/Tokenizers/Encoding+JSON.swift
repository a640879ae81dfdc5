import Files

extension Encoding {
    /// The encoding as a JSON object on one line: `{"id", "ids", "tokens", "offsets", "type_ids"}`.
    ///
    /// - Parameters:
    ///   - id: what names the text, as JSON.
    ///   - tokenizer: the one that made the encoding.
    public func jsonLine(id: String, _ tokenizer: some Tokenizer) -> String {
        func list(_ name: String, _ values: some Sequence<String>) -> String {
            "\"\(name)\":[\(values.joined(separator: ","))]"
        }
        let parts = [
            "\"id\":\(id)",
            list("ids", ids.lazy.map { String($0) }),
            list("tokens", ids.lazy.map { JSONString.quote(tokenizer.token($0)) }),
            list("offsets", offsets.lazy.map { "[\($0.lowerBound),\($0.upperBound)]" }),
            list("type_ids", typeIDs.lazy.map { String($0) }),
        ]
        return "{\(parts.joined(separator: ","))}"
    }
}

extension Tokenizer {
    /// Encodes many texts, or pairs of texts, on all cores; the result has their order.
    ///
    /// - Parameter maxLength: as in `encoding(of:pair:addingSpecialTokens:maxLength:)`.
    public func encodings(
        of texts: [(text: String, pair: String?)], addingSpecialTokens: Bool = true, maxLength: Int? = nil
    ) -> [Encoding] {
        EncodingThreads.map(texts.count) { rows in
            texts[rows].map {
                encoding(of: $0.text, pair: $0.pair, addingSpecialTokens: addingSpecialTokens, maxLength: maxLength)
            }
        }
    }
}
