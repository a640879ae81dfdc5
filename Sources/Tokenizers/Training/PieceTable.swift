import Files

/// The pieces that a training has made so far. Different pairs can join to the same piece, which then keeps its first id.
struct PieceTable {
    private var bytes: [[UInt8]] = []
    private var ids: [[UInt8]: Int32] = [:]
    /// What every piece inside a word begins with.
    private let prefix: [UInt8]

    /// - Parameters:
    ///   - special: the tokens with the first ids.
    ///   - prefix: what every piece inside a word begins with; empty where pieces do not tell.
    init(special: [String], prefix: String = "") {
        self.prefix = Array(prefix.utf8)
        for name in special { _ = add(Array(name.utf8)) }
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
        add(bytes[Int(pair.first)] + bytes[Int(pair.second)].dropFirst(prefix.count))
    }

    /// - Throws: `InputError` when a vocabulary of `size` tokens cannot even hold what is there before training.
    func requireRoom(in size: Int) throws(InputError) {
        guard count > size else { return }
        throw InputError(
            field: "vocabulary size",
            problem: "\(size) is too small: the special tokens and characters alone are \(count)",
            remedy: "ask for at least \(count), better several times that")
    }
}

extension WordCounts {
    /// - Throws: `InputError` when there is nothing to learn from.
    func requireWords() throws(InputError) {
        guard distinct == 0 else { return }
        throw InputError(
            problem: "the training texts hold no word to learn a vocabulary from",
            remedy: "check the text column of the training data")
    }
}

extension PairMerger {
    /// Joins the most frequent pair again and again, until there are `size` pieces or no pair is frequent enough.
    ///
    /// - Returns: the joined pairs, each at the place of its last joining.
    mutating func learn(
        _ pieces: inout PieceTable, until size: Int, minimumFrequency: Int,
        progress: (_ pieces: Int, _ wanted: Int) throws -> Void
    ) throws -> [Pair] {
        var merges: [Pair] = []
        while pieces.count < size, let candidate = mostFrequentPair(), candidate.frequency >= minimumFrequency {
            merge(candidate, into: pieces.join(candidate.pair))
            merges.append(candidate.pair)
            if merges.count % 32 == 0 { try progress(pieces.count, size) }
        }
        try progress(pieces.count, size)
        var seen: Set<Pair> = []
        return merges.reversed().filter { seen.insert($0).inserted }.reversed()
    }
}
