extension Recipe {
    /// The rows to learn from and to be judged by.
    public struct DataSection: Equatable, Sendable {
        public var train = ""
        public var validation = ""
        public var test = ""
        public var text = "text"
        public var label = "label"
        public var maxLength = 64
        public var onBadRow = BadRowPolicy.error
        public var limit: Int?
    }

    /// What happens to a row that cannot be used: not well formed, no text, no label, an unknown label.
    public enum BadRowPolicy: String, SettingChoice {
        case error, skip
    }

    /// The WordPiece vocabulary that is trained on the training texts.
    public struct Tokenizer: Equatable, Sendable {
        /// Nil where the vocabulary is trained, or taken from the teacher.
        public var directory: String?
        public var vocabulary = 4096
        public var lowercase = true
        public var minimumFrequency = 2
    }
}

extension Recipe.DataSection: Section {
    static let fields: [Field<Self>] = [
        Field(
            "train", \.train, .text(.line), presence: .required,
            "The training rows: a csv, tsv or jsonl file, plain or compressed (`.gz`, `.bz2`, `.xz`, `.zst`); a pattern of "
                + "files, such as `shards/train-*.csv.gz`; or entries of a tar or zip archive, such as "
                + "`data.tar.gz:train/*.csv`. Relative to the current directory. Of a language model also a soft-target file (`.h5`), whose "
                + "rows are taken as they are, such as prompts with a served teacher's answers."),
        Field(
            "validation", \.validation, .text(.line), presence: .required,
            "The rows that each finished stage is scored on, as `train`."),
        Field("test", \.test, .text(.line), presence: .required, "The rows that the report is made from, as `train`."),
        Field("text", \.text, .text(.line), "Name of the column that holds the text."),
        Field("label", \.label, .text(.line), "Name of the column that holds the label; a language model needs none."),
        Field(
            "max_length", \.maxLength, .integer(4...8192),
            "Longest input in tokens, special tokens included; longer texts are cut. Of a language model: the length of the "
                + "windows that the texts, one after another, are cut into."),
        Field(
            "on_bad_row", \.onBadRow,
            "What a row that cannot be used (not well formed, no text, no label, an unknown label) does: stop the run, or be "
                + "left out, counted and listed."),
        Field(
            "limit", \.limit, .integer(1...1_000_000_000),
            "Uses only so many rows from the start of each split, to try a recipe out."),
    ]
}

extension Recipe.Tokenizer: Section {
    static let fields: [Field<Self>] = [
        Field(
            "directory", \.directory, .text(.line),
            "Directory of a tokenizer that is taken as it is, such as the one that targets were recorded with. The other keys then "
                + "do nothing."),
        Field(
            "vocabulary", \.vocabulary, .integer(100...200_000),
            "Most entries that the vocabulary may have, special tokens included."),
        Field("lowercase", \.lowercase, .boolean, "Whether texts are put into lower case, and accents removed."),
        Field(
            "minimum_frequency", \.minimumFrequency, .integer(1...1_000_000),
            "How often two pieces must stand together to become one entry."),
    ]
}
