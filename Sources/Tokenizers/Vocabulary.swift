import Files

/// Tokens by id, and ids by token. Tokens are compared by their bytes.
struct Vocabulary: Sendable {
    private var bytes: [UInt8] = []
    /// Token `i` is `bytes[ends[i - 1]..<ends[i]]`.
    private var ends: [UInt32] = []
    /// An open-addressing table of ids, −1 where it is empty.
    private var table: [Int32]

    /// What a vocabulary can hold, to keep memory bounded whatever a file declares.
    static let maximumTokens = 1 << 21
    private static let maximumBytes = 1 << 28

    init(capacity: Int = 0) {
        var slots = 16
        while slots < 2 * capacity { slots *= 2 }
        table = Array(repeating: -1, count: slots)
        ends.reserveCapacity(capacity)
    }

    var count: Int { ends.count }

    /// Adds a token as the next id.
    ///
    /// - Returns: the id of the token if it is there already; then nothing changes.
    mutating func append(_ token: some Collection<UInt8>) -> Int32? {
        let new = Array(token)
        if let earlier = new.withUnsafeBufferPointer({ id(of: $0) }) { return earlier }
        appendLatest(new)
        return nil
    }

    /// Adds a token as the next id; of several that are equal, the last one is found by its bytes.
    mutating func appendLatest(_ new: [UInt8]) {
        precondition(count < Self.maximumTokens && bytes.count + new.count < Self.maximumBytes, "vocabulary too large")
        bytes += new
        ends.append(UInt32(bytes.count))
        if 2 * count > table.count {
            table = Array(repeating: -1, count: 2 * table.count)
            for index in 0..<count { enter(Int32(index)) }
        } else {
            enter(Int32(count - 1))
        }
    }

    /// Whether there is room for a token of `length` bytes.
    func hasRoom(for length: Int) -> Bool { count < Self.maximumTokens && bytes.count + length < Self.maximumBytes }

    private mutating func enter(_ id: Int32) {
        let range = range(of: id)
        var slot = bytes.withUnsafeBufferPointer {
            Int(truncatingIfNeeded: Self.hash(UnsafeBufferPointer(rebasing: $0[range]))) & (table.count - 1)
        }
        while table[slot] >= 0, bytes(of: table[slot]) != bytes[range] { slot = (slot + 1) & (table.count - 1) }
        table[slot] = id
    }

    private func range(of id: Int32) -> Range<Int> {
        (id == 0 ? 0 : Int(ends[Int(id) - 1]))..<Int(ends[Int(id)])
    }

    func contains(_ id: Int32) -> Bool { ends.indices.contains(Int(id)) }

    func bytes(of id: Int32) -> ArraySlice<UInt8> { bytes[range(of: id)] }

    func token(_ id: Int32) -> String { String(decoding: bytes[range(of: id)], as: UTF8.self) }

    func id(of token: String) -> Int32? {
        var token = token
        return token.withUTF8 { id(of: $0) }
    }

    func id(of token: UnsafeBufferPointer<UInt8>) -> Int32? {
        var slot = Int(truncatingIfNeeded: Self.hash(token)) & (table.count - 1)
        while table[slot] >= 0 {
            let range = range(of: table[slot])
            if range.count == token.count, bytes[range].elementsEqual(token) { return table[slot] }
            slot = (slot + 1) & (table.count - 1)
        }
        return nil
    }

    static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = 0x9E37_79B9_7F4A_7C15 ^ UInt64(bytes.count)
        var index = 0
        while index + 8 <= bytes.count {
            let word = UnsafeRawPointer(bytes.baseAddress!).loadUnaligned(fromByteOffset: index, as: UInt64.self)
            hash = mix(hash ^ word)
            index += 8
        }
        var last: UInt64 = 0
        while index < bytes.count {
            last = last << 8 | UInt64(bytes[index])
            index += 1
        }
        return mix(hash ^ last)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return product.high ^ product.low
    }
}
