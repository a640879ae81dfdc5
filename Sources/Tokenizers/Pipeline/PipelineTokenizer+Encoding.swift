extension PipelineTokenizer {
    public func templateTokens(isPair: Bool) -> Int { postProcessor?.addedTokens(isPair: isPair) ?? 0 }

    public func encode(_ text: String, maxLength: Int) -> [Int32] {
        withStorage { encode(text, maxLength: maxLength, with: &$0) }
    }

    public func encode(_ texts: [String], maxLength: Int) -> [[Int32]] {
        EncodingThreads.map(texts.count) { rows in
            withStorage { storage in rows.map { encode(texts[$0], maxLength: maxLength, with: &storage) } }
        }
    }

    private func encode(_ text: String, maxLength: Int, with storage: inout BytePairStorage) -> [Int32] {
        let limit = limit(maxLength, isPair: false, addingSpecialTokens: true)
        var ids: [Int32] = []
        forEachRun(of: text, limit: keepsEnd ? .max : limit, tracksOffsets: false, with: &storage) { _, pieces, _ in
            ids.append(contentsOf: pieces.lazy.map(\.id))
        }
        cut(&ids, to: min(limit, ids.count))
        guard let postProcessor, templateTokens(isPair: false) > 0 else { return ids }
        let text = EncodedText(ids.map { EncodedText.Piece(id: $0) })
        return postProcessor.apply(to: [text], addingSpecialTokens: true).flatMap { $0.pieces.map(\.id) }
    }

    public func encoding(of text: String, pair: String?, addingSpecialTokens: Bool, maxLength: Int?) -> Encoding {
        let limit = limit(maxLength ?? .max, isPair: pair != nil, addingSpecialTokens: addingSpecialTokens)
        var texts = withStorage { storage in
            ([text] + (pair.map { [$0] } ?? [])).enumerated().map { index, text in
                pieces(of: text, typeID: Int32(index), limit: pair == nil && !keepsEnd ? limit : .max, with: &storage)
            }
        }
        let lengths = Encoding.longestFirst(
            texts[0].pieces.count, texts.count == 2 ? texts[1].pieces.count : 0, limit: limit)
        cut(&texts[0].pieces, to: lengths.first)
        if texts.count == 2 { cut(&texts[1].pieces, to: lengths.second) }
        if let postProcessor { texts = postProcessor.apply(to: texts, addingSpecialTokens: addingSpecialTokens) }
        return EncodedText.encoding(texts)
    }

    private func cut<Element>(_ elements: inout [Element], to count: Int) {
        let surplus = elements.count - count
        if keepsEnd { elements.removeFirst(surplus) } else { elements.removeLast(surplus) }
    }

    /// How many ids of their own texts may have.
    private func limit(_ maxLength: Int, isPair: Bool, addingSpecialTokens: Bool) -> Int {
        let template = addingSpecialTokens ? templateTokens(isPair: isPair) : 0
        precondition(
            maxLength >= template, "maxLength \(maxLength) leaves no room for the template's \(template) tokens")
        return maxLength - template
    }

    private func pieces(
        of text: String, typeID: Int32, limit: Int, with storage: inout BytePairStorage
    ) -> EncodedText {
        var result: [EncodedText.Piece] = []
        forEachRun(of: text, limit: limit, tracksOffsets: true, with: &storage) { text, pieces, isAdded in
            for piece in pieces {
                let range = Int(piece.start)..<Int(piece.end)
                let blanks =
                    isAdded
                    ? Self.blanks(of: String(decoding: text.bytes[range], as: UTF8.self)) : self.blanks(of: piece.id)
                result.append(
                    EncodedText.Piece(
                        id: piece.id, typeID: typeID, offsets: text.offsets(of: range),
                        leadingBlanks: Int(blanks.leading), trailingBlanks: Int(blanks.trailing)))
            }
        }
        return EncodedText(result)
    }
}
