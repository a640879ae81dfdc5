/// WordPiece of any setting: a word cut from the left into the longest known pieces, or unknown as a whole.
struct WordPieceModel: Sendable {
    let unknown: Int32
    let prefix: String
    /// A word of more scalars is unknown.
    let maximumLength: Int
    private let trie: PieceTrie

    init(_ trie: PieceTrie, unknown: Int32, prefix: String, maximumLength: Int) {
        self.trie = trie
        self.unknown = unknown
        self.prefix = prefix
        self.maximumLength = maximumLength
    }

    func encode(_ word: UnsafeBufferPointer<UInt8>, into pieces: inout [ModelPiece]) {
        let first = pieces.count
        let isShort = word.count <= maximumLength || word.count(where: { $0 & 0xC0 != 0x80 }) <= maximumLength
        let isSpelled =
            isShort
            && trie.withReader { reader in
                let inside = reader.node(after: prefix.utf8)
                var node: UInt32? = PieceTrie.Reader.root
                var position = 0
                while position < word.count {
                    guard let from = node, let match = reader.longestMatch(from: from, in: word, at: position),
                        match.end > position
                    else { return false }
                    pieces.append(ModelPiece(id: match.id, start: Int32(position), end: Int32(match.end)))
                    position = match.end
                    node = inside
                }
                return true
            }
        guard !isSpelled else { return }
        pieces.removeLast(pieces.count - first)
        pieces.append(ModelPiece(id: unknown, start: 0, end: Int32(word.count)))
    }
}
