import Files
import Foundation

/// Learns a WordPiece vocabulary from texts.
///
/// As `WordPieceTrainer` of the `tokenizers` package does it: starts from the characters (those inside a word with the
/// prefix `##`) and joins, again and again, the pair of neighbouring pieces that occurs most often, counted over
/// distinct words (byte-pair encoding, Sennrich et al. 2016, arXiv 1508.07909). Of equally frequent pairs the one with
/// the smaller ids is joined, so the same texts give the same vocabulary. The order of ids: special tokens, first
/// characters, characters inside words, joined pieces in the order of their making. The reference breaks ties in the same
/// way, but numbers the characters inside words in the order of a hash table, which changes from run to run: its
/// vocabularies differ from ours, and among themselves, in that order and in which of equally frequent pairs come last.
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

    /// An empty count of the words that this vocabulary is learned from, of at most `limit` different ones.
    ///
    /// Words too long to be encoded are left out.
    public func wordCounts(limit: Int = WordCounts.usualLimit) -> WordCounts {
        let splitter = WordSplitter(lowercase: lowercase, stripAccents: lowercase)
        return WordCounts(limit: limit) { text, words in
            splitter.split(text, into: &words)
            words.removeWords(where: WordPieceTokenizer.isTooLong)
        }
    }

    /// Learns from texts that are in memory, as from their `wordCounts`.
    public func train(_ texts: [String]) throws -> WordPieceTokenizer {
        var words = wordCounts()
        words.add(texts)
        return try train(words)
    }

    /// Learns from the words of a corpus.
    ///
    /// - Parameter progress: called now and then with the pieces so far and the pieces wanted; what it throws ends the
    ///   training.
    /// - Returns: A tokenizer of at most `vocabularySize` tokens; of fewer when no frequent pair is left.
    /// - Throws: `InputError` when the texts hold no word, or more characters than `vocabularySize` has room for.
    public func train(
        _ words: WordCounts, progress: (_ pieces: Int, _ wanted: Int) throws -> Void = { _, _ in }
    ) throws -> WordPieceTokenizer {
        try words.requireWords()
        var pieces = PieceTable(special: SpecialTokens.names, prefix: WordPieceTokenizer.continuation)
        var merger = spell(words, with: &pieces)
        try pieces.requireRoom(in: vocabularySize)
        _ = try merger.learn(
            &pieces, until: vocabularySize, minimumFrequency: minimumFrequency, progress: progress)
        return try WordPieceTokenizer(vocabulary: pieces.texts, lowercase: lowercase)
    }

    /// Enters the alphabet into `pieces`, and the words as the ids of their characters into the merger.
    private func spell(_ words: WordCounts, with pieces: inout PieceTable) -> PairMerger {
        var frequency: [Unicode.Scalar: Int] = [:]
        words.table.forEachWord { word, count in
            for scalar in String(decoding: word, as: UTF8.self).unicodeScalars {
                frequency[scalar, default: 0] += count
            }
        }
        let alphabet = frequency.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.maximumAlphabet).map(
            \.key)
        let known = Set(alphabet)
        func scalars(_ word: UnsafeBufferPointer<UInt8>) -> [Unicode.Scalar] {
            String(decoding: word, as: UTF8.self).unicodeScalars.filter(known.contains)
        }
        var inside: Set<Unicode.Scalar> = []
        words.table.forEachWord { word, _ in inside.formUnion(scalars(word).dropFirst()) }
        var first: [Unicode.Scalar: Int32] = [:]
        for scalar in alphabet.sorted() { first[scalar] = pieces.add(Array(String(scalar).utf8)) }
        var continuing: [Unicode.Scalar: Int32] = [:]
        for scalar in inside.sorted() {
            continuing[scalar] = pieces.add(Array((WordPieceTokenizer.continuation + String(scalar)).utf8))
        }
        var merger = PairMerger()
        words.table.forEachWord { word, count in
            let ids = scalars(word).enumerated().compactMap { $0 == 0 ? first[$1] : continuing[$1] }
            merger.addWord(ids, count: count)
        }
        return merger
    }
}
