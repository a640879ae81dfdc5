/// A set of Unicode scalars as a pattern names them: ASCII by a bit map, the others by class and by value.
struct ScalarSet: Sendable, Equatable {
    private var lowASCII: UInt64 = 0
    private var highASCII: UInt64 = 0
    private var classes: ScalarClass.Mask = 0
    /// Scalars above ASCII that belong to the set whatever their class is, in order and apart from each other.
    private var ranges: [ClosedRange<UInt32>] = []
    private var isNegated = false

    mutating func insert(_ range: ClosedRange<UInt32>) {
        for value in range.lowerBound..<max(range.lowerBound, min(range.upperBound + 1, 0x80)) { insertASCII(value) }
        if range.upperBound >= 0x80 { insertRange(max(range.lowerBound, 0x80)...range.upperBound) }
    }

    private mutating func insertRange(_ range: ClosedRange<UInt32>) {
        let first = ranges.firstIndex { $0.upperBound + 1 >= range.lowerBound } ?? ranges.count
        let end = ranges[first...].firstIndex { $0.lowerBound > range.upperBound + 1 } ?? ranges.count
        let lower = first < end ? min(range.lowerBound, ranges[first].lowerBound) : range.lowerBound
        let upper = first < end ? max(range.upperBound, ranges[end - 1].upperBound) : range.upperBound
        ranges.replaceSubrange(first..<end, with: [lower...upper])
    }

    /// Binary search.
    private func isListed(_ value: UInt32) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].lowerBound <= value
    }

    mutating func insert(classes mask: ScalarClass.Mask) {
        classes |= mask
        for value: UInt32 in 0..<0x80 {
            if let scalar = Unicode.Scalar(value), ScalarClass.mask(of: scalar) & mask != 0 { insertASCII(value) }
        }
    }

    /// Both sets together.
    ///
    /// - Returns: false, and changes nothing, when a negated set with scalars of its own makes that impossible.
    mutating func formUnion(_ other: ScalarSet) -> Bool {
        guard !isNegated, !other.isNegated || other.ranges.isEmpty else { return false }
        lowASCII |= other.isNegated ? ~other.lowASCII : other.lowASCII
        highASCII |= other.isNegated ? ~other.highASCII : other.highASCII
        classes |= other.isNegated ? ScalarClass.all & ~other.classes : other.classes
        for range in other.ranges { insertRange(range) }
        return true
    }

    mutating func negate() { isNegated.toggle() }

    private mutating func insertASCII(_ value: UInt32) {
        if value < 64 { lowASCII |= 1 << UInt64(value) } else { highASCII |= 1 << UInt64(value - 64) }
    }

    func contains(ascii byte: UInt8) -> Bool {
        let bits = byte < 64 ? lowASCII >> UInt64(byte) : highASCII >> UInt64(byte & 63)
        return (bits & 1 != 0) != isNegated
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x80 { return contains(ascii: UInt8(scalar.value)) }
        let isInside = ScalarClass.mask(of: scalar) & classes != 0 || isListed(scalar.value)
        return isInside != isNegated
    }

    /// The length of the scalar at `position` if the set contains it, else nil. The text is valid UTF-8.
    @inline(__always)
    func match(_ text: UnsafeBufferPointer<UInt8>, at position: Int) -> Int? {
        guard position < text.count else { return nil }
        let byte = text[position]
        if byte < 0x80 { return contains(ascii: byte) ? 1 : nil }
        let (scalar, length) = text.scalar(at: position)
        return contains(scalar) ? length : nil
    }
}

extension UnsafeBufferPointer<UInt8> {
    /// The scalar that starts at `position` and its length in bytes. The text is valid UTF-8.
    @inline(__always)
    func scalar(at position: Int) -> (Unicode.Scalar, Int) {
        let first = UInt32(self[position])
        func next(_ offset: Int) -> UInt32 { UInt32(self[position + offset]) & 0x3F }
        let (value, length): (UInt32, Int) =
            switch first {
            case ..<0x80: (first, 1)
            case ..<0xE0: ((first & 0x1F) << 6 | next(1), 2)
            case ..<0xF0: ((first & 0x0F) << 12 | next(1) << 6 | next(2), 3)
            default: ((first & 0x07) << 18 | next(1) << 12 | next(2) << 6 | next(3), 4)
            }
        return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
    }

    /// The scalar that ends before `position`, which is not the start of the text.
    func scalar(before position: Int) -> (Unicode.Scalar, Int) {
        var start = position - 1
        while start > 0, self[start] & 0xC0 == 0x80 { start -= 1 }
        return scalar(at: start)
    }
}
