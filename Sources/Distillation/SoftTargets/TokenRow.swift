/// The key of a token row: FNV-1a (64 bit) over the ids as little-endian 32-bit integers.
///
/// Targets are found by it, never by a row's place in a file or a batch.
enum TokenRow {
    static func hash(_ tokens: some Sequence<Int32>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for token in tokens {
            var bits = UInt32(bitPattern: token)
            for _ in 0..<4 {
                hash = (hash ^ UInt64(bits & 255)) &* 0x100_0000_01b3
                bits >>= 8
            }
        }
        return hash
    }
}
