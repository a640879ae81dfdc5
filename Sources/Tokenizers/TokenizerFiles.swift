public import Foundation

/// A tokenizer as files.
public enum TokenizerFiles {
    /// Reads `tokenizer.json` from `directory`; where there is none, `vocab.txt` with `tokenizer_config.json`.
    ///
    /// - Throws: `InputError` when neither is there, when a file is damaged, or when it asks for something that is not
    ///   known; what that is, is named.
    public static func load(from directory: URL) throws -> any Tokenizer {
        try WordPieceTokenizer.load(from: directory)
    }
}
