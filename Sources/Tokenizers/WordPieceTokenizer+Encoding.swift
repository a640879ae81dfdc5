extension WordPieceTokenizer {
    public func templateTokens(isPair: Bool) -> Int { isPair ? 3 : 2 }

    /// `[CLS] text [SEP]`, or `[CLS] text [SEP] pair [SEP]` with type 1 from the pair on.
    public func encoding(of text: String, pair: String?, addingSpecialTokens: Bool, maxLength: Int?) -> Encoding {
        let template = addingSpecialTokens ? templateTokens(isPair: pair != nil) : 0
        let limit = (maxLength ?? .max) - template
        precondition(
            limit >= 0, "maxLength \(maxLength ?? 0) leaves no room for the \(template) tokens of the template")
        let texts = ([text] + (pair.map { [$0] } ?? [])).map(pieces)
        let lengths = Encoding.longestFirst(texts[0].count, pair == nil ? 0 : texts[1].count, limit: limit)
        var encoding = Encoding(ids: [], typeIDs: [], isSpecial: [], offsets: [])
        if addingSpecialTokens { encoding.append(bert.classification, typeID: 0, isSpecial: true, 0..<0) }
        for (index, text) in texts.enumerated() {
            for piece in text.prefix(index == 0 ? lengths.first : lengths.second) {
                encoding.append(piece.id, typeID: Int32(index), isSpecial: false, piece.offsets)
            }
            if addingSpecialTokens { encoding.append(bert.separator, typeID: Int32(index), isSpecial: true, 0..<0) }
        }
        return encoding
    }

    /// The ids of a text without its template, and the scalars of the text that each stands for.
    private func pieces(_ text: String) -> [(id: Int32, offsets: Range<Int>)] {
        var pieces: [(id: Int32, offsets: Range<Int>)] = []
        var words = WordBuffer()
        var origins: [Int32] = []
        trie.withReader { reader in
            Self.withUTF8(text) { bytes in
                var (start, scalar) = (0, 0)
                while start < bytes.count {
                    let added = nextAddedToken(in: bytes, from: start)
                    let plain = UnsafeBufferPointer(rebasing: bytes[start..<(added?.start ?? bytes.count)])
                    words.removeAll()
                    origins.removeAll(keepingCapacity: true)
                    splitter.split(plain, into: &words, origins: &origins, firstScalar: Int32(scalar))
                    append(words, origins, to: &pieces, reader)
                    guard let added else { break }
                    scalar += Self.scalarCount(plain[...])
                    let end = scalar + Self.scalarCount(bytes[added.start..<added.end])
                    pieces.append((added.id, scalar..<end))
                    (start, scalar) = (added.end, end)
                }
            }
        }
        return pieces
    }

    /// Appends the pieces of words: the longest ones, from the start of each.
    private func append(
        _ words: WordBuffer, _ origins: [Int32], to pieces: inout [(id: Int32, offsets: Range<Int>)],
        _ reader: PieceTrie.Reader
    ) {
        let inside = reader.node(after: Self.continuation.utf8)
        var base = 0
        func offsets(_ start: Int, _ end: Int) -> Range<Int> {
            let (first, last) = (Int(origins[base + start]), Int(origins[base + end - 1]))
            return first..<max(first, last + 1)
        }
        words.forEachWord { word in
            let count = pieces.count
            var node: UInt32? = Self.isTooLong(word) ? nil : PieceTrie.Reader.root
            var position = 0
            while position < word.count {
                guard let from = node, let match = reader.longestMatch(from: from, in: word, at: position) else {
                    pieces.removeLast(pieces.count - count)
                    pieces.append((bert.unknown, offsets(0, word.count)))
                    break
                }
                pieces.append((match.id, offsets(position, match.end)))
                position = match.end
                node = inside
            }
            base += word.count
        }
    }

    private static func scalarCount(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
        bytes.count(where: { $0 & 0xC0 != 0x80 })
    }
}

extension Encoding {
    fileprivate mutating func append(_ id: Int32, typeID: Int32, isSpecial: Bool, _ offsets: Range<Int>) {
        ids.append(id)
        typeIDs.append(typeID)
        self.isSpecial.append(isSpecial)
        self.offsets.append(offsets)
        isText.append(true)
    }
}
