/// The ids of a text with what the `tokenizers` package reports beside them. All arrays have the length of `ids`.
public struct Encoding: Sendable, Equatable {
    public var ids: [Int32]
    /// Which text of a pair each id belongs to, as the template numbers them.
    public var typeIDs: [Int32]
    /// True for what the template or padding added; false for what stands in the text, special tokens included.
    public var isSpecial: [Bool]
    /// The Unicode scalars of the original text (of its own text, in a pair) that each id stands for; empty where
    /// `isSpecial`.
    public var offsets: [Range<Int>]
    /// False for padding.
    public var isText: [Bool]

    public init(ids: [Int32], typeIDs: [Int32], isSpecial: [Bool], offsets: [Range<Int>]) {
        precondition(
            typeIDs.count == ids.count && isSpecial.count == ids.count && offsets.count == ids.count,
            "\(ids.count) ids, \(typeIDs.count) types, \(isSpecial.count) flags and \(offsets.count) offsets")
        self.ids = ids
        self.typeIDs = typeIDs
        self.isSpecial = isSpecial
        self.offsets = offsets
        isText = Array(repeating: true, count: ids.count)
    }

    public var count: Int { ids.count }

    /// Fills the encoding up to `length` ids; one that is longer stays as it is.
    public mutating func pad(to length: Int, with id: Int32, typeID: Int32 = 0) {
        let missing = length - count
        guard missing > 0 else { return }
        ids += Array(repeating: id, count: missing)
        typeIDs += Array(repeating: typeID, count: missing)
        isSpecial += Array(repeating: true, count: missing)
        offsets += Array(repeating: 0..<0, count: missing)
        isText += Array(repeating: false, count: missing)
    }

    /// Fills each encoding of a batch up to the longest, rounded up to a multiple of `multiple`.
    public static func pad(_ batch: inout [Encoding], with id: Int32, typeID: Int32 = 0, multiple: Int = 1) {
        precondition(multiple > 0, "multiple \(multiple) is not positive")
        let longest = batch.lazy.map(\.count).max() ?? 0
        let length = (longest + multiple - 1) / multiple * multiple
        for index in batch.indices { batch[index].pad(to: length, with: id, typeID: typeID) }
    }

    /// The lengths to which a text and its pair are cut when at most `limit` ids may remain: the longer one is cut first,
    /// then both alike.
    static func longestFirst(_ first: Int, _ second: Int, limit: Int) -> (first: Int, second: Int) {
        guard first + second > limit else { return (first, second) }
        var (short, long) = (min(first, second), max(first, second))
        long = short > limit ? short : max(short, limit - short)
        if short + long > limit {
            short = limit / 2
            long = limit - short
        }
        return first > second ? (long, short) : (short, long)
    }
}
