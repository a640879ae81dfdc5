/// The ids of the tokens that have a role of their own; nil for a role that a tokenizer does not have.
public struct SpecialTokens: Sendable, Equatable {
    /// Fills short rows of a batch.
    public var pad: Int32?
    /// Stands for what the vocabulary cannot spell.
    public var unknown: Int32?
    /// Opens the sequence of an encoder.
    public var classification: Int32?
    /// Closes each sequence of an encoder.
    public var separator: Int32?
    /// Hides a token in masked language modelling.
    public var mask: Int32?
    /// Opens the text of a language model.
    public var beginning: Int32?
    /// Ends the text of a language model.
    public var end: Int32?

    /// The names of BERT's five in a vocabulary, in the order in which a trained vocabulary begins with them.
    public static let names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]

    public init(
        pad: Int32? = nil, unknown: Int32? = nil, classification: Int32? = nil, separator: Int32? = nil,
        mask: Int32? = nil, beginning: Int32? = nil, end: Int32? = nil
    ) {
        self.pad = pad
        self.unknown = unknown
        self.classification = classification
        self.separator = separator
        self.mask = mask
        self.beginning = beginning
        self.end = end
    }
}
