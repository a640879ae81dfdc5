/// One word while its symbols are joined. The storage is used again for the next word.
///
/// The pair of the lowest rank joins first, of several the leftmost (Sennrich et al. 2016, arXiv 1508.07909). Short words look
/// for it among all their pairs, O(n²); long ones keep a heap, O(n log n).
struct MergedWord {
    /// The symbols: a token and how many bytes of the word it stands for. While a long word is joined, a length of 0 marks a
    /// symbol that was taken in by the one before.
    private var ids: [Int32] = []
    private var lengths: [Int32] = []
    /// The merge of each symbol with the next one.
    private var merges: [MergeTable.Merge] = []
    private var heap: [UInt64] = []
    private var previous: [Int32] = []
    private var next: [Int32] = []

    /// Words of more symbols use the heap.
    static let longestScanned = 48

    mutating func removeAll() {
        ids.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
    }

    mutating func append(_ id: Int32, length: Int32) {
        ids.append(id)
        lengths.append(length)
    }

    /// Joins until no pair of neighbours has a merge.
    mutating func join(_ table: MergeTable.Reader) {
        guard ids.count > 1 else { return }
        if ids.count <= Self.longestScanned { joinByScanning(table) } else { joinByHeap(table) }
    }

    func forEachPiece(_ body: (ModelPiece) -> Void) {
        var start: Int32 = 0
        for (id, length) in zip(ids, lengths) where length > 0 {
            body(ModelPiece(id: id, start: start, end: start + length))
            start += length
        }
    }

    private mutating func joinByScanning(_ table: MergeTable.Reader) {
        var count = ids.count
        let none = MergeTable.Merge(rank: .max, id: -1)
        merges.removeAll(keepingCapacity: true)
        ids.withUnsafeMutableBufferPointer { ids in
            for index in 0..<count - 1 { merges.append(table.merge(ids[index], ids[index + 1])) }
            merges.append(none)
            lengths.withUnsafeMutableBufferPointer { lengths in
                merges.withUnsafeMutableBufferPointer { merges in
                    while true {
                        var best = 0
                        for index in 1..<count where merges[index].rank < merges[best].rank { best = index }
                        guard merges[best].rank < .max else { break }
                        ids[best] = merges[best].id
                        lengths[best] += lengths[best + 1]
                        count -= 1
                        for index in best + 1..<max(count, best + 1) {
                            ids[index] = ids[index + 1]
                            lengths[index] = lengths[index + 1]
                            merges[index] = merges[index + 1]
                        }
                        merges[best] = best + 1 < count ? table.merge(ids[best], ids[best + 1]) : none
                        if best > 0 { merges[best - 1] = table.merge(ids[best - 1], ids[best]) }
                        guard count > 1 else { break }
                    }
                }
            }
        }
        ids.removeLast(ids.count - count)
        lengths.removeLast(lengths.count - count)
    }

    private mutating func joinByHeap(_ table: MergeTable.Reader) {
        let count = ids.count
        previous = (0..<Int32(count)).map { $0 - 1 }
        next = (1...Int32(count)).map { $0 < count ? $0 : -1 }
        heap.removeAll(keepingCapacity: true)
        for index in 0..<count - 1 { push(index, table) }
        while let entry = pop() {
            let (rank, index) = (UInt32(entry >> 32), Int(entry & 0xFFFF_FFFF))
            guard lengths[index] > 0, next[index] >= 0 else { continue }
            let right = Int(next[index])
            let merge = table.merge(ids[index], ids[right])
            guard merge.rank == rank else { continue }
            ids[index] = merge.id
            lengths[index] += lengths[right]
            lengths[right] = 0
            next[index] = next[right]
            if next[right] >= 0 { previous[Int(next[right])] = Int32(index) }
            if previous[index] >= 0 { push(Int(previous[index]), table) }
            push(index, table)
        }
    }

    /// Enters the merge of a symbol with the next one, if there is one.
    private mutating func push(_ index: Int, _ table: MergeTable.Reader) {
        guard next[index] >= 0 else { return }
        let rank = table.merge(ids[index], ids[Int(next[index])]).rank
        guard rank < .max else { return }
        heap.append(UInt64(rank) << 32 | UInt64(index))
        var place = heap.count - 1
        while place > 0, heap[place] < heap[(place - 1) / 2] {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    /// The entry of the lowest rank, of several the leftmost.
    private mutating func pop() -> UInt64? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return top }
        heap[0] = last
        var place = 0
        while true {
            var child = 2 * place + 1
            guard child < heap.count else { return top }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < heap[place] else { return top }
            heap.swapAt(place, child)
            place = child
        }
    }
}
