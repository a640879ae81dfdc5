/// The pieces of words that were spelled before. Memory is bounded: a full cache is emptied.
struct WordCache {
    private struct Entry {
        var hash: UInt64 = 0
        var wordStart: UInt32 = 0
        var wordLength: UInt32 = 0
        var pieceStart: UInt32 = 0
        /// 0 in an empty slot: a word without pieces is not kept.
        var pieceCount: UInt32 = 0
    }

    private var entries = [Entry](repeating: Entry(), count: 1 << 10)
    private var count = 0
    private var words: [UInt8] = []
    private var pieces: [ModelPiece] = []

    private static let maximumEntries = 1 << 15
    private static let maximumPieces = 1 << 18
    static let longestWord = 128

    /// Appends the pieces of a word to `output` if they are known.
    func append(_ word: UnsafeBufferPointer<UInt8>, hash: UInt64, to output: inout [ModelPiece]) -> Bool {
        var slot = Int(truncatingIfNeeded: hash) & (entries.count - 1)
        while entries[slot].pieceCount > 0 {
            let entry = entries[slot]
            if entry.hash == hash, entry.wordLength == word.count {
                let start = Int(entry.wordStart)
                let isSame = words.withUnsafeBufferPointer {
                    UnsafeBufferPointer(rebasing: $0[start..<start + word.count]).elementsEqual(word)
                }
                if isSame {
                    let first = Int(entry.pieceStart)
                    output.append(contentsOf: pieces[first..<first + Int(entry.pieceCount)])
                    return true
                }
            }
            slot = (slot + 1) & (entries.count - 1)
        }
        return false
    }

    mutating func insert(_ word: UnsafeBufferPointer<UInt8>, hash: UInt64, _ new: ArraySlice<ModelPiece>) {
        guard !new.isEmpty, word.count <= Self.longestWord else { return }
        if count >= Self.maximumEntries || pieces.count + new.count > Self.maximumPieces { self = WordCache() }
        if 2 * (count + 1) > entries.count {
            let old = entries
            entries = Array(repeating: Entry(), count: 2 * old.count)
            for entry in old where entry.pieceCount > 0 { enter(entry) }
        }
        enter(
            Entry(
                hash: hash, wordStart: UInt32(words.count), wordLength: UInt32(word.count),
                pieceStart: UInt32(pieces.count), pieceCount: UInt32(new.count)))
        count += 1
        words.append(contentsOf: word)
        pieces.append(contentsOf: new)
    }

    private mutating func enter(_ entry: Entry) {
        var slot = Int(truncatingIfNeeded: entry.hash) & (entries.count - 1)
        while entries[slot].pieceCount > 0 { slot = (slot + 1) & (entries.count - 1) }
        entries[slot] = entry
    }
}
