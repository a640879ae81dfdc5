extension Reference {
    /// The hash behind dropout: 32 nearly independent bits for a row key, a salt and a column.
    ///
    /// (key ⊕ salt) · 0x9E3779B97F4A7C15 gives a high and a low half; the column, scaled by 0x9E3779B9 and shifted by
    /// the high half, then goes through the two rounds of the "lowbias32" mixer (Wellons 2018), the low half joining
    /// between them.
    public static func dropoutHash(key: UInt64, salt: UInt64, column: Int) -> UInt32 {
        let mixed = (key ^ salt) &* 0x9E37_79B9_7F4A_7C15
        var h = UInt32(truncatingIfNeeded: column) &* 0x9E37_79B9 &+ UInt32(truncatingIfNeeded: mixed >> 32)
        h = (h ^ (h >> 16)) &* 0x7feb_352d
        h ^= UInt32(truncatingIfNeeded: mixed)
        h = (h ^ (h >> 15)) &* 0x846c_a68b
        return h ^ (h >> 16)
    }

    /// What dropout multiplies each element with: 0 where hash < p · 2³², else 1 / (1 − p). keys: [N] → [N, width].
    public static func dropoutFactors(keys: [UInt64], salt: UInt64, width: Int, probability: Float) -> [Double] {
        let threshold = UInt32(Double(probability) * 0x1p32)
        return keys.flatMap { key in
            (0..<width).map { column in
                dropoutHash(key: key, salt: salt, column: column) < threshold ? 0 : 1 / (1 - Double(probability))
            }
        }
    }
}
