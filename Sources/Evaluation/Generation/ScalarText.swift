/// A text as the reference implementations see it: Unicode scalars, split at what Python calls a blank.
struct ScalarText {
    var scalars: [Unicode.Scalar]

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    /// `str.split()`.
    var words: [[Unicode.Scalar]] { scalars.split(whereSeparator: Self.isBlank).map(Array.init) }

    /// `str.isspace()` of one character.
    static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000:
            true
        default: false
        }
    }
}

/// How often each run of `order` neighbours occurs in a list.
struct NeighbourCounts<Element: Hashable> {
    private(set) var counts: [ArraySlice<Element>: Int] = [:]
    let total: Int

    init(_ elements: [Element], order: Int) {
        total = max(0, elements.count - order + 1)
        counts.reserveCapacity(total)
        for start in 0..<total { counts[elements[start..<start + order], default: 0] += 1 }
    }

    /// Σ min(own count, other's count).
    func common(with other: NeighbourCounts) -> Int {
        counts.reduce(0) { $0 + min($1.value, other.counts[$1.key] ?? 0) }
    }
}
