import Files

/// Where a vocabulary came from, to say so in what is wrong with it.
struct VocabularySource {
    var file: String?
    /// True for `vocab.txt`, where token id `i` stands on line `i + 1`.
    var isLinePerToken = false

    /// The look-up structure of a vocabulary, after its tokens were checked one by one.
    func trie(of vocabulary: [String]) throws -> PieceTrie {
        let bytes = vocabulary.reduce(0) { $0 + $1.utf8.count }
        guard bytes < PieceTrie.maximumNodes else {
            throw InputError(
                file: file,
                problem: "the vocabulary's tokens take \(bytes) bytes; fewer than \(PieceTrie.maximumNodes) fit",
                remedy: "check that this is a WordPiece vocabulary")
        }
        var trie = PieceTrie()
        for (index, token) in vocabulary.enumerated() {
            let id = Int32(index)
            guard !token.isEmpty else {
                throw problem(id, "is empty", remedy: "every token needs at least one character")
            }
            guard !token.utf8.contains(UInt8(ascii: "\n")) else {
                throw problem(id, "holds a line feed", remedy: "a vocabulary has one token per line")
            }
            if let earlier = trie.insert(token.utf8, id: id) {
                throw problem(id, "`\(token)` is also token \(earlier)", remedy: "remove one of the two")
            }
        }
        return trie
    }

    /// The ids of BERT's five special tokens.
    func bertTokens(in trie: PieceTrie) throws -> BertTokens {
        let ids = trie.withReader { reader in
            SpecialTokens.names.map { name in
                reader.node(after: name.utf8).flatMap { reader.id(at: $0) }
            }
        }
        let missing = zip(SpecialTokens.names, ids).filter { $0.1 == nil }.map(\.0)
        guard missing.isEmpty else {
            throw InputError(
                file: file, field: "vocabulary", problem: "lacks \(missing.joined(separator: ", "))",
                remedy: "a BERT vocabulary holds \(SpecialTokens.names.joined(separator: ", "))")
        }
        let found = ids.compactMap { $0 }
        return BertTokens(
            pad: found[0], unknown: found[1], classification: found[2], separator: found[3], mask: found[4])
    }

    private func problem(_ id: Int32, _ what: String, remedy: String) -> InputError {
        InputError(
            file: file, line: isLinePerToken ? Int(id) + 1 : nil, field: "vocabulary", problem: "token \(id) \(what)",
            remedy: remedy)
    }
}

/// The five tokens that every BERT vocabulary has.
struct BertTokens {
    let pad: Int32
    let unknown: Int32
    let classification: Int32
    let separator: Int32
    let mask: Int32

    /// All five, in the order of `SpecialTokens.names`.
    var all: [Int32] { [pad, unknown, classification, separator, mask] }
}
