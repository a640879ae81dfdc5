/// The ids of BERT's five special tokens.
public struct SpecialTokens: Sendable, Equatable {
    /// Fills short rows of a batch.
    public var pad: Int32
    /// Stands for a word that the vocabulary cannot spell.
    public var unknown: Int32
    /// Opens every sequence.
    public var classification: Int32
    /// Closes every sequence.
    public var separator: Int32
    /// Hides a token in masked language modelling.
    public var mask: Int32

    /// Their names in a vocabulary, in the order in which a trained vocabulary begins with them.
    public static let names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    public init(pad: Int32, unknown: Int32, classification: Int32, separator: Int32, mask: Int32) {
        self.pad = pad
        self.unknown = unknown
        self.classification = classification
        self.separator = separator
        self.mask = mask
    }

    /// All five, in the order of `names`.
    var all: [Int32] { [pad, unknown, classification, separator, mask] }
}
