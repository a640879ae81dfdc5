/// Which neighbouring tokens join, how early, and into what: an open-addressing table keyed by both ids.
struct MergeTable: Sendable {
    struct Merge: Equatable {
        /// Lower joins first.
        var rank: UInt32
        var id: Int32
    }

    fileprivate struct Entry {
        /// −1 and −1 in an empty slot.
        var first: Int32 = -1
        var second: Int32 = -1
        var merge = Merge(rank: .max, id: -1)
    }

    private var entries: [Entry]
    private(set) var count = 0

    init(capacity: Int) {
        var slots = 16
        while slots < 2 * capacity { slots *= 2 }
        entries = Array(repeating: Entry(), count: slots)
    }

    /// Adds a merge; a later one of the same pair takes the place of the earlier.
    mutating func insert(_ first: Int32, _ second: Int32, _ merge: Merge) {
        precondition(2 * (count + 1) <= entries.count, "more merges than the table was made for")
        var slot = Self.slot(first, second, mask: entries.count - 1)
        while entries[slot].first >= 0, entries[slot].first != first || entries[slot].second != second {
            slot = (slot + 1) & (entries.count - 1)
        }
        if entries[slot].first < 0 { count += 1 }
        entries[slot] = Entry(first: first, second: second, merge: merge)
    }

    @inline(__always)
    private static func slot(_ first: Int32, _ second: Int32, mask: Int) -> Int {
        let key = UInt64(UInt32(bitPattern: first)) << 32 | UInt64(UInt32(bitPattern: second))
        return Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 29) & mask
    }

    /// Lends the table to `body`, so that its many look-ups take their pointer once.
    func withReader<Result>(_ body: (Reader) -> Result) -> Result {
        entries.withUnsafeBufferPointer { body(Reader(entries: $0)) }
    }

    struct Reader {
        fileprivate let entries: UnsafeBufferPointer<Entry>

        /// The merge of a pair; `rank` is `.max` when there is none.
        @inline(__always)
        func merge(_ first: Int32, _ second: Int32) -> Merge {
            var slot = MergeTable.slot(first, second, mask: entries.count - 1)
            while entries[slot].first >= 0 {
                if entries[slot].first == first, entries[slot].second == second { return entries[slot].merge }
                slot = (slot + 1) & (entries.count - 1)
            }
            return Merge(rank: .max, id: -1)
        }
    }
}
