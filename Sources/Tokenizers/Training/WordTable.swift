/// Words with how often each occurs: their bytes back to back in one array, found through an open-addressing hash table.
///
/// A word costs its bytes and about 40 more, and no object of its own.
struct WordTable: Sendable {
    private var bytes: [UInt8] = []
    /// Where each word's bytes end; they start where the one before ends.
    private var ends: [Int] = []
    private var counts: [Int] = []
    private var hashes: [UInt32] = []
    /// The number of a word + 1, or 0.
    private var slots = [Int32](repeating: 0, count: 1024)

    /// How many different words there are.
    var count: Int { ends.count }
    /// The bytes of all words.
    var byteCount: Int { bytes.count }

    /// Counts `word` `times` more.
    mutating func add(_ word: UnsafeBufferPointer<UInt8>, times: Int = 1) {
        let hash = Self.hash(word)
        var slot = Int(hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if hashes[index] == hash, matches(word, index) {
                counts[index] += times
                return
            }
            slot = (slot + 1) & (slots.count - 1)
        }
        slots[slot] = Int32(ends.count + 1)
        bytes.append(contentsOf: word)
        ends.append(bytes.count)
        counts.append(times)
        hashes.append(hash)
        if 2 * ends.count > slots.count { grow() }
    }

    /// Adds the counts of another table.
    mutating func add(_ other: WordTable) {
        other.forEachWord { add($0, times: $1) }
    }

    func forEachWord(_ body: (UnsafeBufferPointer<UInt8>, Int) -> Void) {
        bytes.withUnsafeBufferPointer { bytes in
            var start = 0
            for (end, count) in zip(ends, counts) {
                body(UnsafeBufferPointer(rebasing: bytes[start..<end]), count)
                start = end
            }
        }
    }

    /// The words that occur at least `minimum` times.
    func keeping(atLeast minimum: Int) -> WordTable {
        var kept = WordTable()
        forEachWord { if $1 >= minimum { kept.add($0, times: $1) } }
        return kept
    }

    private func matches(_ word: UnsafeBufferPointer<UInt8>, _ index: Int) -> Bool {
        let start = index == 0 ? 0 : ends[index - 1]
        guard ends[index] - start == word.count else { return false }
        return bytes.withUnsafeBufferPointer { bytes in
            for offset in 0..<word.count where bytes[start + offset] != word[offset] { return false }
            return true
        }
    }

    private mutating func grow() {
        slots = Array(repeating: 0, count: 2 * slots.count)
        for (index, hash) in hashes.enumerated() {
            var slot = Int(hash) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = Int32(index + 1)
        }
    }

    /// FNV-1a, with its bits mixed once more at the end.
    private static func hash(_ word: UnsafeBufferPointer<UInt8>) -> UInt32 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in word { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return UInt32(truncatingIfNeeded: (hash &* 0x9E37_79B9_7F4A_7C15) >> 32)
    }
}
