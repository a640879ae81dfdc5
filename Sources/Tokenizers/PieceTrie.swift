/// A trie over the UTF-8 bytes of a vocabulary, for longest-prefix look-up without making a string.
///
/// All edges sit in one open-addressing hash table whose key is (node, byte): one probe per byte of text.
struct PieceTrie: Sendable {
    /// What a trie can hold: node numbers take the upper 24 bits of an edge's key.
    static let maximumNodes = 1 << 24

    private var keys: [UInt32]
    private var children: [UInt32]
    /// The id of the piece that ends at each node, or -1.
    private var ids: [Int32] = [-1]
    private let mask: Int

    /// - Parameter edgeLimit: an upper bound of the edges, for example the total bytes of the vocabulary.
    init(edgeLimit: Int) {
        precondition(edgeLimit < Self.maximumNodes, "a trie of \(edgeLimit) edges exceeds \(Self.maximumNodes)")
        var capacity = 16
        while capacity < 2 * edgeLimit { capacity *= 2 }
        keys = Array(repeating: .max, count: capacity)
        children = Array(repeating: 0, count: capacity)
        mask = capacity - 1
    }

    /// Adds a piece and returns nil; or, when the same bytes were added before, their id, and changes nothing.
    mutating func insert(_ piece: some Sequence<UInt8>, id: Int32) -> Int32? {
        var node: UInt32 = 0
        for byte in piece {
            let key = node << 8 | UInt32(byte)
            var slot = Self.slot(of: key, mask: mask)
            while keys[slot] != key, keys[slot] != .max { slot = (slot + 1) & mask }
            if keys[slot] == .max {
                keys[slot] = key
                children[slot] = UInt32(ids.count)
                ids.append(-1)
            }
            node = children[slot]
        }
        guard ids[Int(node)] < 0 else { return ids[Int(node)] }
        ids[Int(node)] = id
        return nil
    }

    private static func slot(of key: UInt32, mask: Int) -> Int {
        Int(truncatingIfNeeded: (UInt64(key) &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    }

    /// Lends the trie's tables to `body`, so that its many look-ups take their pointers once.
    func withReader<Result>(_ body: (Reader) -> Result) -> Result {
        keys.withUnsafeBufferPointer { keys in
            children.withUnsafeBufferPointer { children in
                ids.withUnsafeBufferPointer { ids in
                    body(Reader(keys: keys, children: children, ids: ids, mask: mask))
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

        private func child(of node: UInt32, _ byte: UInt8) -> UInt32? {
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
