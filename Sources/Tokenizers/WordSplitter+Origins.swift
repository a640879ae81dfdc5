extension WordSplitter {
    /// As `split(_:into:)`, and tells for each byte of the words the scalar of the text that it stands for.
    ///
    /// A letter stands for the scalar that it was decomposed or lowered from. Scalars that canonical decomposition puts
    /// into another order stand for what was at their new places, as in the reference.
    ///
    /// - Parameters:
    ///   - origins: gets one number for each byte that is appended to `words`.
    ///   - firstScalar: the number of the text's first scalar.
    func split(
        _ text: UnsafeBufferPointer<UInt8>, into words: inout WordBuffer, origins: inout [Int32], firstScalar: Int32
    ) {
        guard !text.allSatisfy({ $0 < 0x80 }) else {
            split(text, into: &words)
            // Every byte but blanks and control characters is one byte of a word.
            for (index, byte) in text.enumerated() where (0x21...0x7E).contains(byte) {
                origins.append(firstScalar + Int32(index))
            }
            return
        }
        var clean = String.UnicodeScalarView()
        var places: [Int32] = []
        for (index, scalar) in String(decoding: text, as: UTF8.self).unicodeScalars.enumerated() {
            let count = Self.clean(scalar, into: &clean)
            places.append(contentsOf: repeatElement(firstScalar + Int32(index), count: count))
        }
        for (scalar, place) in stripAccents ? Self.decomposed(clean, places) : Array(zip(clean, places))
        where !stripAccents || !BertCharacter.isAccent(scalar) {
            let before = words.bytes.count
            appendLowered(scalar, to: &words)
            origins.append(contentsOf: repeatElement(place, count: words.bytes.count - before))
        }
        words.endWord()
    }

    /// The canonical decomposition, and where each of its scalars comes from.
    private static func decomposed(
        _ scalars: String.UnicodeScalarView, _ places: [Int32]
    ) -> [(Unicode.Scalar, Int32)] {
        guard let changes = CanonicalForm.nfd.changes(to: Array(String(scalars).utf8)) else {
            return Array(zip(scalars, places))
        }
        var next = 0
        return changes.map { item in
            let place = item.change > 0 ? max(next - 1, 0) : next
            if item.change <= 0 { next += 1 - item.change }
            return (item.scalar, places[min(place, places.count - 1)])
        }
    }
}
