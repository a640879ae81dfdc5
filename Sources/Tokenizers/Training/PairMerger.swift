/// Two neighbouring pieces in a word.
struct Pair: Hashable {
    let first: Int32
    let second: Int32
}

/// Words as sequences of pieces, with the frequency of every neighbouring pair kept up to date while pairs are joined.
///
/// A merge visits only the words that hold its pair, and a heap finds the next: training takes about
/// O(total characters · log pairs). Heap entries are not removed when a frequency changes; an entry that is out of date
/// when it comes up is put back with its present frequency.
///
/// As in `BpeTrainer` of the `tokenizers` package, a pair that has been joined keeps its frequency, and a pair that comes up
/// again with new words has an entry of its own for them: that is seen only where two pairs spell the same piece.
struct PairMerger {
    /// The pieces of all words; those of a word stay at its place while it gets shorter.
    private var pieces: [Int32] = []
    private var starts: [Int] = []
    private var lengths: [Int] = []
    private var counts: [Int] = []

    private var pairs = PairTable()
    /// How often each pair of `pairs` occurs.
    private var frequencies: [Int] = []
    /// The list of the words into which the present merge brings each pair, or -1.
    private var grown: [Int32] = []
    private var grownPairs: [Int32] = []
    /// Words in which a pair was seen once; it may have been joined away since. An entry of the heap owns a list.
    private var lists: [[Int32]] = []
    private var heap = PairHeap()

    /// The most frequent pair, to be given to `merge`.
    struct Candidate {
        let pair: Pair
        let frequency: Int
        fileprivate let list: Int32
    }

    /// Adds a word before the first merge.
    mutating func addWord(_ ids: some Sequence<Int32>, count: Int) {
        let word = Int32(starts.count)
        let start = pieces.count
        pieces.append(contentsOf: ids)
        starts.append(start)
        lengths.append(pieces.count - start)
        counts.append(count)
        for index in start..<max(start, pieces.count - 1) {
            change(Pair(first: pieces[index], second: pieces[index + 1]), by: count, in: word)
        }
    }

    /// The pair that occurs most often (of several the one with the smallest ids), or nil when none is left.
    mutating func mostFrequentPair() -> Candidate? {
        enterGrownPairs()
        while let top = heap.popTop() {
            let frequency = frequencies[Int(top.record)]
            if frequency == top.frequency {
                guard frequency > 0 else { return nil }
                return Candidate(pair: top.pair, frequency: frequency, list: top.list)
            }
            heap.insert(.init(frequency: frequency, pair: top.pair, record: top.record, list: top.list))
        }
        return nil
    }

    /// Replaces a pair by `id`, from left to right, in the words for which it came up.
    mutating func merge(_ candidate: Candidate, into id: Int32) {
        for word in lists[Int(candidate.list)] { merge(candidate.pair, into: id, in: word) }
        lists[Int(candidate.list)] = []
    }

    private mutating func merge(_ pair: Pair, into id: Int32, in word: Int32) {
        let (start, count) = (starts[Int(word)], counts[Int(word)])
        let end = start + lengths[Int(word)]
        var (read, write) = (start, start)
        while read < end {
            guard read + 1 < end, pieces[read] == pair.first, pieces[read + 1] == pair.second else {
                pieces[write] = pieces[read]
                read += 1
                write += 1
                continue
            }
            if write > start {
                change(Pair(first: pieces[write - 1], second: pair.first), by: -count, in: word)
                change(Pair(first: pieces[write - 1], second: id), by: count, in: word)
            }
            read += 2
            if read < end {
                change(Pair(first: pair.second, second: pieces[read]), by: -count, in: word)
                change(Pair(first: id, second: pieces[read]), by: count, in: word)
            }
            pieces[write] = id
            write += 1
        }
        lengths[Int(word)] = write - start
    }

    /// Counts a pair, and remembers the word if it is new there.
    private mutating func change(_ pair: Pair, by count: Int, in word: Int32) {
        let record = pairs.index(of: pair)
        if record == frequencies.count {
            frequencies.append(0)
            grown.append(-1)
        }
        frequencies[record] += count
        guard count > 0 else { return }
        if grown[record] < 0 {
            grown[record] = Int32(lists.count)
            grownPairs.append(Int32(record))
            lists.append([word])
        } else if lists[Int(grown[record])].last != word {
            lists[Int(grown[record])].append(word)
        }
    }

    private mutating func enterGrownPairs() {
        for record in grownPairs {
            let list = grown[Int(record)]
            grown[Int(record)] = -1
            let frequency = frequencies[Int(record)]
            if frequency > 0 {
                heap.insert(
                    .init(frequency: frequency, pair: pairs.pair(at: Int(record)), record: record, list: list))
            } else {
                lists[Int(list)] = []
            }
        }
        grownPairs.removeAll(keepingCapacity: true)
    }
}

/// Numbers pairs 0, 1, 2, … in the order in which they come up.
private struct PairTable {
    private var found: [Pair] = []
    /// The number of a pair + 1, or 0.
    private var slots = [Int32](repeating: 0, count: 1024)

    func pair(at index: Int) -> Pair { found[index] }

    mutating func index(of pair: Pair) -> Int {
        var slot = Self.hash(pair) & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if found[index] == pair { return index }
            slot = (slot + 1) & (slots.count - 1)
        }
        found.append(pair)
        slots[slot] = Int32(found.count)
        if 2 * found.count > slots.count { grow() }
        return found.count - 1
    }

    private mutating func grow() {
        slots = Array(repeating: 0, count: 2 * slots.count)
        for (index, pair) in found.enumerated() {
            var slot = Self.hash(pair) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = Int32(index + 1)
        }
    }

    private static func hash(_ pair: Pair) -> Int {
        let key = UInt64(UInt32(bitPattern: pair.first)) << 32 | UInt64(UInt32(bitPattern: pair.second))
        let mixed = (key ^ key >> 29) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: mixed >> 32)
    }
}

/// A binary heap of pairs with the most frequent on top; ties go to the smaller ids.
private struct PairHeap {
    struct Entry {
        let frequency: Int
        let pair: Pair
        /// Its number in the table of pairs.
        let record: Int32
        /// Its words.
        let list: Int32

        func precedes(_ other: Entry) -> Bool {
            (other.frequency, pair.first, pair.second) < (frequency, other.pair.first, other.pair.second)
        }
    }

    private var entries: [Entry] = []

    mutating func insert(_ entry: Entry) {
        entries.append(entry)
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].precedes(entries[parent]) else { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func popTop() -> Entry? {
        guard let top = entries.first, let last = entries.popLast() else { return nil }
        guard !entries.isEmpty else { return top }
        entries[0] = last
        var parent = 0
        while true {
            var best = parent
            let left = 2 * parent + 1
            if left < entries.count, entries[left].precedes(entries[best]) { best = left }
            if left + 1 < entries.count, entries[left + 1].precedes(entries[best]) { best = left + 1 }
            if best == parent { return top }
            entries.swapAt(parent, best)
            parent = best
        }
    }
}
