import Files
import Foundation

/// BERT's tokenizer: cleaned words, cut greedily into the longest known pieces, between `[CLS]` and `[SEP]`.
///
/// Gives the ids that the `tokenizers` package gives for `BertNormalizer`, `BertPreTokenizer`, `WordPiece` and the
/// template `[CLS] $A [SEP]`. Pieces inside a word carry the prefix `##`; a word of more than 100 scalars, or one that
/// no pieces spell, is `[UNK]`; a special token written out in a text is that token. (Schuster & Nakajima 2012, "Japanese
/// and Korean voice search"; Devlin et al. 2018, arXiv 1810.04805.)
public final class WordPieceTokenizer: Tokenizer {
    /// The tokens; a token's index is its id.
    public let vocabulary: [String]
    public let lowercase: Bool
    /// Whether accents are dropped. The reference ties it to `lowercase` unless a file says otherwise.
    public let stripAccents: Bool
    public let special: SpecialTokens
    public let digest: String

    /// The five tokens that the model itself needs.
    let bert: BertTokens
    /// Tokens that are recognised in the raw text, before it is cleaned: the five special ones and what a file adds.
    let addedTokens: [Int32]
    private let addedBytes: [[UInt8]]
    let splitter: WordSplitter
    let trie: PieceTrie

    static let continuation = "##"
    static let maximumWordLength = 100

    /// Makes a tokenizer whose token ids are the indices of `vocabulary`.
    ///
    /// - Parameter stripAccents: nil means as `lowercase`.
    /// - Throws: `InputError` for a missing special token, an empty token, one that holds a line feed, or one that
    ///   occurs twice.
    public convenience init(vocabulary: [String], lowercase: Bool = true, stripAccents: Bool? = nil) throws {
        try self.init(
            vocabulary: vocabulary, lowercase: lowercase, stripAccents: stripAccents, source: VocabularySource())
    }

    init(
        vocabulary: [String], lowercase: Bool, stripAccents: Bool?, addedTokens: [Int32] = [], source: VocabularySource
    ) throws {
        self.vocabulary = vocabulary
        self.lowercase = lowercase
        self.stripAccents = stripAccents ?? lowercase
        splitter = WordSplitter(lowercase: lowercase, stripAccents: self.stripAccents)
        trie = try source.trie(of: vocabulary)
        bert = try source.bertTokens(in: trie)
        special = SpecialTokens(
            pad: bert.pad, unknown: bert.unknown, classification: bert.classification, separator: bert.separator,
            mask: bert.mask)
        self.addedTokens = Set(bert.all + addedTokens).sorted()
        addedBytes = self.addedTokens.map { Array(vocabulary[Int($0)].utf8) }
        digest = Digest.sha256(
            """
            wordpiece lowercase=\(lowercase) strip_accents=\(self.stripAccents) special=\(bert.all) \
            added=\(self.addedTokens)

            """ + vocabulary.joined(separator: "\n"))
    }

    public var vocabularySize: Int { vocabulary.count }

    public var settings: [(name: String, value: String)] {
        [
            ("lowercase", String(lowercase)), ("strip accents", String(stripAccents)),
            ("tokens recognised in raw text", String(describing: addedTokens)),
        ]
    }

    public func token(_ id: Int32) -> String {
        precondition(vocabulary.indices.contains(Int(id)), "token id \(id) is not in 0..<\(vocabulary.count)")
        return vocabulary[Int(id)]
    }

    public func id(of token: String) -> Int32? {
        trie.withReader { reader in reader.node(after: token.utf8).flatMap { reader.id(at: $0) } }
    }

    /// The cleaned words of a text, before they are cut into pieces.
    public func words(_ text: String) -> [String] {
        var buffer = WordBuffer()
        Self.withUTF8(text) { splitter.split($0, into: &buffer) }
        var words: [String] = []
        buffer.forEachWord { words.append(String(decoding: $0, as: UTF8.self)) }
        return words
    }

    public func encode(_ text: String, maxLength: Int) -> [Int32] {
        var words = WordBuffer()
        return trie.withReader { encode(text, maxLength: maxLength, reader: $0, words: &words) }
    }

    public func encode(_ texts: [String], maxLength: Int) -> [[Int32]] {
        EncodingThreads.map(texts.count) { rows in
            var words = WordBuffer()
            return trie.withReader { reader in
                rows.map { encode(texts[$0], maxLength: maxLength, reader: reader, words: &words) }
            }
        }
    }

    private func encode(
        _ text: String, maxLength: Int, reader: PieceTrie.Reader, words: inout WordBuffer
    ) -> [Int32] {
        precondition(maxLength >= 2, "maxLength \(maxLength) leaves no room for [CLS] and [SEP]")
        var ids = [bert.classification]
        Self.withUTF8(text) { bytes in
            var start = 0
            while start < bytes.count, ids.count < maxLength {
                let added = nextAddedToken(in: bytes, from: start)
                let plain = UnsafeBufferPointer(rebasing: bytes[start..<(added?.start ?? bytes.count)])
                appendPieces(of: plain, to: &ids, limit: maxLength, reader: reader, words: &words)
                guard let added else { break }
                ids.append(added.id)
                start = added.end
            }
        }
        ids.removeLast(max(0, ids.count - (maxLength - 1)))
        ids.append(bert.separator)
        return ids
    }

    /// The first added token at or after `start`; of those that begin at the same byte, the longest.
    func nextAddedToken(
        in text: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> (id: Int32, start: Int, end: Int)? {
        for position in start..<text.count {
            var best: (id: Int32, start: Int, end: Int)?
            for (id, token) in zip(addedTokens, addedBytes) where token[0] == text[position] {
                let end = position + token.count
                if end <= text.count, end > best?.end ?? 0, text[position..<end].elementsEqual(token) {
                    best = (id, position, end)
                }
            }
            if let best { return best }
        }
        return nil
    }

    private func appendPieces(
        of text: UnsafeBufferPointer<UInt8>, to ids: inout [Int32], limit: Int, reader: PieceTrie.Reader,
        words: inout WordBuffer
    ) {
        words.removeAll()
        splitter.split(text, into: &words)
        let inside = reader.node(after: Self.continuation.utf8)
        words.forEachWord { word in
            guard ids.count < limit else { return }
            let first = ids.count
            var node: UInt32? = PieceTrie.Reader.root
            var position = 0
            if Self.isTooLong(word) { node = nil }
            while position < word.count {
                guard let from = node, let match = reader.longestMatch(from: from, in: word, at: position) else {
                    ids.removeLast(ids.count - first)
                    ids.append(bert.unknown)
                    return
                }
                ids.append(match.id)
                position = match.end
                node = inside
            }
        }
    }

    /// Whether a word has more scalars than `maximumWordLength`.
    static func isTooLong(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
        word.count > maximumWordLength && word.count(where: { $0 & 0xC0 != 0x80 }) > maximumWordLength
    }

    static func withUTF8<Result>(_ text: String, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        var text = text
        return text.withUTF8(body)
    }
}
