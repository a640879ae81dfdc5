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
struct PairMerger {
    private var words: [(ids: [Int32], count: Int)]
    private var frequencies: [Pair: Int] = [:]
    /// Words in which a pair was seen once; it may have been joined away since.
    private var occurrences: [Pair: [Int]] = [:]
    private var heap = PairHeap()

    init(words: [(ids: [Int32], count: Int)]) {
        self.words = words
        for (index, word) in words.enumerated() {
            for pair in Self.pairs(of: word.ids) {
                frequencies[pair, default: 0] += word.count
                if occurrences[pair]?.last != index { occurrences[pair, default: []].append(index) }
            }
        }
        for (pair, frequency) in frequencies { heap.insert(PairHeap.Entry(frequency: frequency, pair: pair)) }
    }

    /// The pair that occurs most often (of several the one with the smallest ids), or nil when none is left.
    mutating func mostFrequentPair() -> (Pair, Int)? {
        while let top = heap.popTop() {
            let frequency = frequencies[top.pair] ?? 0
            if frequency == top.frequency { return (top.pair, frequency) }
            if frequency > 0 { heap.insert(PairHeap.Entry(frequency: frequency, pair: top.pair)) }
        }
        return nil
    }

    /// Replaces `pair` by `id` in all words, from left to right.
    mutating func merge(_ pair: Pair, into id: Int32) {
        var grown: Set<Pair> = []
        for index in occurrences.removeValue(forKey: pair) ?? [] {
            let old = words[index].ids
            let new = Self.replace(pair, by: id, in: old)
            guard new.count < old.count else { continue }
            words[index].ids = new
            let count = words[index].count
            for gone in Self.pairs(of: old) { frequencies[gone, default: 0] -= count }
            for made in Self.pairs(of: new) {
                frequencies[made, default: 0] += count
                guard made.first == id || made.second == id else { continue }
                grown.insert(made)
                if occurrences[made]?.last != index { occurrences[made, default: []].append(index) }
            }
        }
        frequencies[pair] = nil
        for made in grown {
            if let frequency = frequencies[made] { heap.insert(PairHeap.Entry(frequency: frequency, pair: made)) }
        }
    }

    private static func pairs(of ids: [Int32]) -> [Pair] {
        zip(ids, ids.dropFirst()).map { Pair(first: $0, second: $1) }
    }

    private static func replace(_ pair: Pair, by id: Int32, in ids: [Int32]) -> [Int32] {
        var result: [Int32] = []
        result.reserveCapacity(ids.count)
        var position = 0
        while position < ids.count {
            if position + 1 < ids.count, ids[position] == pair.first, ids[position + 1] == pair.second {
                result.append(id)
                position += 2
            } else {
                result.append(ids[position])
                position += 1
            }
        }
        return result
    }
}

/// A binary heap of pairs with the most frequent on top; ties go to the smaller ids.
private struct PairHeap {
    struct Entry {
        let frequency: Int
        let pair: Pair

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
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count {
                if entries[child].precedes(entries[best]) { best = child }
            }
            if best == parent { return top }
            entries.swapAt(parent, best)
            parent = best
        }
    }
}
