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
        try DecoderDirectory.check(tokenizer, fits: runner.configuration, in: url)
    }

    /// The ids that end a text.
    public var endTokens: Set<Int32> { Set(runner.configuration.endTokens) }
}
