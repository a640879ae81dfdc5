import Files
public import Foundation
public import Tokenizers

extension DecoderDirectory {
    /// The tokenizer of a decoder: beside its weights.
    public static func readTokenizer(_ url: URL) throws -> any Tokenizer {
        guard !isGGUF(url) else {
            throw InputError(file: url.path, problem: "the embedded vocabulary is not read yet")
        }
        return try TokenizerFiles.load(from: url)
    }
}
