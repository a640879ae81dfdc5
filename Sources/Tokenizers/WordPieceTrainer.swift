import Files
import Foundation

/// Learns a WordPiece vocabulary from texts.
///
/// As `WordPieceTrainer` of the `tokenizers` package does it: starts from the characters (those inside a word with the
/// prefix `##`) and joins, again and again, the pair of neighbouring pieces that occurs most often, counted over
/// distinct words (byte-pair encoding, Sennrich et al. 2016, arXiv 1508.07909). Of equally frequent pairs the one with
/// the smaller ids is joined, so the same texts give the same vocabulary. The order of ids: special tokens, first
/// characters, characters inside words, joined pieces in the order of their making.
public struct WordPieceTrainer: Sendable {
    public let vocabularySize: Int
    /// A pair that occurs less often is not joined.
    public let minimumFrequency: Int
    public let lowercase: Bool

    /// The most frequent characters that the vocabulary keeps; words lose their rarer ones.
    static let maximumAlphabet = 1000

    public init(vocabularySize: Int, minimumFrequency: Int = 2, lowercase: Bool = true) {
        self.vocabularySize = vocabularySize
        self.minimumFrequency = minimumFrequency
        self.lowercase = lowercase
    }

    /// - Returns: A tokenizer of at most `vocabularySize` tokens; of fewer when no frequent pair is left.
    /// - Throws: `InputError` when the texts hold no word, or more characters than `vocabularySize` has room for.
    public func train(_ texts: [String]) throws -> WordPieceTokenizer {
        let words = countWords(texts)
        guard !words.isEmpty else {
            throw InputError(
                problem: "the training texts hold no word to learn a vocabulary from",
                remedy: "check the text column of the training data")
        }
        var pieces = PieceTable()
        var merger = PairMerger(words: spell(words, with: &pieces))
        guard pieces.count <= vocabularySize else {
            throw InputError(
                field: "vocabulary size",
                problem: "\(vocabularySize) is too small: the special tokens and characters alone are \(pieces.count)",
                remedy: "ask for at least \(pieces.count), better several times that")
        }
        while pieces.count < vocabularySize, let (pair, frequency) = merger.mostFrequentPair(),
            frequency >= max(minimumFrequency, 1)
        {
            merger.merge(pair, into: pieces.join(pair))
        }
        return try WordPieceTokenizer(vocabulary: pieces.texts, lowercase: lowercase)
    }

    /// How often each word occurs, in no particular order. Words too long to be encoded are left out.
    private func countWords(_ texts: [String]) -> [(word: [UInt8], count: Int)] {
        let splitter = WordSplitter(lowercase: lowercase, stripAccents: lowercase)
        // Bytes, not strings: strings compare equal when they are only canonically equivalent.
        var counts: [[UInt8]: Int] = [:]
        var buffer = WordBuffer()
        for text in texts {
            buffer.removeAll()
            WordPieceTokenizer.withUTF8(text) { splitter.split($0, into: &buffer) }
            buffer.forEachWord { word in
                if !WordPieceTokenizer.isTooLong(word) { counts[Array(word), default: 0] += 1 }
            }
        }
        return counts.map { (word: $0.key, count: $0.value) }
    }

    /// Enters the alphabet into `pieces`, and gives each word as the ids of its characters.
    private func spell(
        _ words: [(word: [UInt8], count: Int)], with pieces: inout PieceTable
    ) -> [(ids: [Int32], count: Int)] {
        let spelled = words.map {
            (scalars: Array(String(decoding: $0.word, as: UTF8.self).unicodeScalars), count: $0.count)
        }
        var frequency: [Unicode.Scalar: Int] = [:]
        for word in spelled {
            for scalar in word.scalars { frequency[scalar, default: 0] += word.count }
        }
        let alphabet = frequency.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.maximumAlphabet).map(
            \.key)
        let known = Set(alphabet)
        let inside = Set(spelled.flatMap { $0.scalars.filter(known.contains).dropFirst() })
        var first: [Unicode.Scalar: Int32] = [:]
        for scalar in alphabet.sorted() { first[scalar] = pieces.add(Array(String(scalar).utf8)) }
        var continuing: [Unicode.Scalar: Int32] = [:]
        for scalar in inside.sorted() {
            continuing[scalar] = pieces.add(Array((WordPieceTokenizer.continuation + String(scalar)).utf8))
        }
        return spelled.map { word in
            let scalars = word.scalars.filter(known.contains)
            let ids = scalars.enumerated().compactMap { $0 == 0 ? first[$1] : continuing[$1] }
            return (ids: ids, count: word.count)
        }
    }
}

/// The pieces made so far. Different pairs can join to the same piece, which then keeps its first id.
private struct PieceTable {
    private var bytes: [[UInt8]] = []
    private var ids: [[UInt8]: Int32] = [:]

    init() {
        for name in SpecialTokens.names { _ = add(Array(name.utf8)) }
    }

    var count: Int { bytes.count }
    var texts: [String] { bytes.map { String(decoding: $0, as: UTF8.self) } }

    mutating func add(_ piece: [UInt8]) -> Int32 {
        if let id = ids[piece] { return id }
        let id = Int32(bytes.count)
        bytes.append(piece)
        ids[piece] = id
        return id
    }

    /// The piece that `pair` spells. Its second half is always inside a word, so it loses its prefix.
    mutating func join(_ pair: Pair) -> Int32 {
        add(bytes[Int(pair.first)] + bytes[Int(pair.second)].dropFirst(WordPieceTokenizer.continuation.utf8.count))
    }
}
