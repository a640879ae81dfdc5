import Distillation
import Files
public import Foundation
public import Models
public import Tokenizers

/// A decoder with its tokenizer, ready to continue texts.
public struct LoadedDecoder {
    public let runner: DecoderRunner
    public let tokenizer: any Tokenizer
    public let url: URL

    /// Reads a model directory, or a GGUF file, which holds its own tokenizer.
    ///
    /// - Throws: `InputError` or `InputErrors` saying what is missing or wrong.
    public init(_ url: URL) throws {
        self.url = url
        (runner, tokenizer) = try DecoderDirectory.readWithTokenizer(url)
        let (ids, rows) = (tokenizer.vocabularySize, runner.configuration.vocabularySize)
        guard ids <= rows else {
            throw InputError(
                file: url.path, problem: "the tokenizer has \(ids) tokens, the model's table \(rows) rows",
                remedy: "give the tokenizer that the model was trained with")
        }
    }

    /// The ids that end a text.
    public var endTokens: Set<Int32> { Set(runner.configuration.endTokens) }
}
