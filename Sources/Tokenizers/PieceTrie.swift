/// A trie over the UTF-8 bytes of a vocabulary, for prefix look-up without making a string.
///
/// All edges sit in one open-addressing hash table whose key is (node, byte): one probe per byte of text. The table
/// doubles as it fills, so that its size follows the distinct prefixes and not the bytes of the vocabulary.
struct PieceTrie: Sendable {
    /// What a trie can hold: node numbers take the upper 24 bits of an edge's key.
    static let maximumNodes = 1 << 24

    private var keys = [UInt32](repeating: .max, count: 16)
    private var children = [UInt32](repeating: 0, count: 16)
    /// The id of the piece that ends at each node, or -1.
    private var ids: [Int32] = [-1]
    private var mask = 15

    /// Adds a piece and returns nil; or, when the same bytes were added before, their id, and changes nothing.
    ///
    /// The total bytes of all pieces must be less than `maximumNodes`.
    mutating func insert(_ piece: some Sequence<UInt8>, id: Int32) -> Int32? {
        let node = path(of: piece)
        guard ids[node] < 0 else { return ids[node] }
        ids[node] = id
        return nil
    }

    /// Adds a piece; of several with the same bytes the last one counts.
    mutating func replace(_ piece: some Sequence<UInt8>, id: Int32) {
        ids[path(of: piece)] = id
    }

    /// The node in which `piece` ends, after the edges that were missing are added.
    private mutating func path(of piece: some Sequence<UInt8>) -> Int {
        var node: UInt32 = 0
        for byte in piece {
            let key = node << 8 | UInt32(byte)
            var slot = freeOrEqualSlot(key)
            if keys[slot] == .max {
                precondition(ids.count < Self.maximumNodes, "a trie holds at most \(Self.maximumNodes) nodes")
                if 2 * ids.count > mask {
                    grow()
                    slot = freeOrEqualSlot(key)
                }
                keys[slot] = key
                children[slot] = UInt32(ids.count)
                ids.append(-1)
            }
            node = children[slot]
        }
        return Int(node)
    }

    private mutating func grow() {
        let (oldKeys, oldChildren) = (keys, children)
        mask = 2 * mask + 1
        keys = Array(repeating: .max, count: mask + 1)
        children = Array(repeating: 0, count: mask + 1)
        for (key, child) in zip(oldKeys, oldChildren) where key != .max {
            let slot = freeOrEqualSlot(key)
            keys[slot] = key
            children[slot] = child
        }
    }

    private func freeOrEqualSlot(_ key: UInt32) -> Int {
        var slot = Self.slot(of: key, mask: mask)
        while keys[slot] != key, keys[slot] != .max { slot = (slot + 1) & mask }
        return slot
    }

    private static func slot(of key: UInt32, mask: Int) -> Int {
        Int(truncatingIfNeeded: (UInt64(key) &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    }

    /// Lends the trie's tables to `body`, so that its many look-ups take their pointers once.
    func withReader<Result, Failure: Error>(_ body: (Reader) throws(Failure) -> Result) throws(Failure) -> Result {
        try keys.withUnsafeBufferPointer { (keys) throws(Failure) in
            try children.withUnsafeBufferPointer { (children) throws(Failure) in
                try ids.withUnsafeBufferPointer { (ids) throws(Failure) in
                    try body(Reader(keys: keys, children: children, ids: ids, mask: mask))
                }
            }
        }
    }

    struct Reader {
        fileprivate let keys: UnsafeBufferPointer<UInt32>
        fileprivate let children: UnsafeBufferPointer<UInt32>
        fileprivate let ids: UnsafeBufferPointer<Int32>
        fileprivate let mask: Int

        /// The root: look-ups that start here match whole pieces.
        static let root: UInt32 = 0

        /// The node that `bytes` lead to from the root, or nil when no piece starts with them.
        func node(after bytes: some Sequence<UInt8>) -> UInt32? {
            var node = Self.root
            for byte in bytes {
                guard let next = child(of: node, byte) else { return nil }
                node = next
            }
            return node
        }

        /// The piece that `bytes` are.
        func id(of bytes: some Sequence<UInt8>) -> Int32? {
            node(after: bytes).flatMap { id(at: $0) }
        }

        /// The piece that ends at `node`, if one does.
        func id(at node: UInt32) -> Int32? {
            ids[Int(node)] < 0 ? nil : ids[Int(node)]
        }

        /// The longest piece whose remaining bytes, from `node` on, start `text` at `offset`.
        func longestMatch(from node: UInt32, in text: UnsafeBufferPointer<UInt8>, at offset: Int) -> (
            id: Int32, end: Int
        )? {
            var node = node
            var position = offset
            var best: (id: Int32, end: Int)?
            while position < text.count, let next = child(of: node, text[position]) {
                node = next
                position += 1
                if ids[Int(node)] >= 0 { best = (ids[Int(node)], position) }
            }
            return best
        }

        /// The node to which `byte` leads from `node`.
        func child(of node: UInt32, _ byte: UInt8) -> UInt32? {
            let key = node << 8 | UInt32(byte)
            var slot = PieceTrie.slot(of: key, mask: mask)
            while keys[slot] != key {
                if keys[slot] == .max { return nil }
                slot = (slot + 1) & mask
            }
            return children[slot]
        }
    }
}
