extension PipelineTokenizer {
    public func decode(_ ids: [Int32], skippingSpecialTokens: Bool) -> String {
        let tokens = ids.compactMap { id -> String? in
            guard id >= 0, id < vocabularySize, !(skippingSpecialTokens && isSpecial(id)) else { return nil }
            return decodedForms[id] ?? token(id)
        }
        return decoder.map { $0.decode(tokens).joined() } ?? tokens.joined(separator: " ")
    }

    public func bytes(of id: Int32) -> [UInt8] {
        guard id >= 0, id < vocabularySize else { return [] }
        if let token = decodedForms[id] { return Array(token.utf8) }
        return decoder?.bytes(of: token(id)) ?? Array(token(id).utf8)
    }
}
