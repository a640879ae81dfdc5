import Files

/// Learns a byte-level BPE vocabulary from texts, as GPT-2's was learned.
///
/// As `BpeTrainer` of the `tokenizers` package does it with the pre-tokenizer `ByteLevel`: starts from the 256 bytes, and
/// joins, again and again, the pair of neighbouring pieces that occurs most often in words (Sennrich et al. 2016, arXiv
/// 1508.07909; Radford et al. 2019). Of equally frequent pairs the one with the smaller ids is joined. The order of ids:
/// special tokens; bytes, by the character that stands for them; joined pieces in the order of their making. All of this
/// is the reference's, which is deterministic here: the same texts give the same ids and the same merges.
public struct ByteLevelTrainer: Sendable {
    public let vocabularySize: Int
    /// A pair that occurs less often is not joined.
    public let minimumFrequency: Int
    /// Tokens that are recognised in raw text and never cut; the first one begins, ends and pads texts.
    public let special: [String]

    /// GPT-2's only special token.
    public static let usualSpecial = ["<|endoftext|>"]

    public init(vocabularySize: Int, minimumFrequency: Int = 2, special: [String] = Self.usualSpecial) {
        self.vocabularySize = vocabularySize
        self.minimumFrequency = minimumFrequency
        self.special = special
    }

    /// An empty count of the words that this vocabulary is learned from, of at most `limit` different ones.
    public func wordCounts(limit: Int = WordCounts.usualLimit) -> WordCounts {
        WordCounts(limit: limit) { text, words in
            Pattern.gpt2.forEachPart(of: text, in: 0..<text.count) { range, _ in
                words.bytes.append(contentsOf: text[range])
                words.endWord()
            }
        }
    }

    /// Learns from the words of a corpus.
    ///
    /// - Parameter progress: called now and then with the pieces so far and the pieces wanted; what it throws ends the
    ///   training.
    /// - Returns: A vocabulary of at most `vocabularySize` tokens; of fewer when no frequent pair is left.
    /// - Throws: `InputError` when the texts hold no word, when a special token is empty or there twice, or when
    ///   `vocabularySize` has no room for the bytes and the special tokens.
    public func train(
        _ words: WordCounts, progress: (_ pieces: Int, _ wanted: Int) throws -> Void = { _, _ in }
    ) throws -> ByteLevelVocabulary {
        for (index, token) in special.enumerated() where token.isEmpty || special[..<index].contains(token) {
            throw InputError(
                field: "special tokens", problem: token.isEmpty ? "one is empty" : "`\(token)` is there twice",
                remedy: "give each token once")
        }
        try words.requireWords()
        var pieces = PieceTable(special: special)
        var bytes = [Int32](repeating: 0, count: 256)
        for (byte, scalar) in ByteAlphabet.scalars.enumerated().sorted(by: { $0.element < $1.element }) {
            bytes[byte] = pieces.add(Array(String(scalar).utf8))
        }
        try pieces.requireRoom(in: vocabularySize)
        var merger = PairMerger()
        words.table.forEachWord { word, count in merger.addWord(word.lazy.map { bytes[Int($0)] }, count: count) }
        let merges = try merger.learn(
            &pieces, until: vocabularySize, minimumFrequency: minimumFrequency, progress: progress)
        let texts = pieces.texts
        return ByteLevelVocabulary(
            tokens: texts, merges: merges.map { (texts[Int($0.first)], texts[Int($0.second)]) }, special: special)
    }
}
