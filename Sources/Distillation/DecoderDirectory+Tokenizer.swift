public import Files
import Formats
public import Foundation
public import Models
public import Tokenizers

extension DecoderDirectory {
    /// The tokenizer of a decoder: beside its weights, or inside a GGUF file.
    ///
    /// - Throws: `InputError` if there is none, or it is of a kind that is not known.
    public static func readTokenizer(_ url: URL) throws -> any Tokenizer {
        try tokenizer(StoredDecoder(url))
    }

    /// Refuses a tokenizer whose ids the model has no rows for.
    public static func check(
        _ tokenizer: any Tokenizer, fits configuration: DecoderConfiguration, in url: URL
    ) throws(InputError) {
        let (ids, rows) = (tokenizer.vocabularySize, configuration.vocabularySize)
        guard ids > rows else { return }
        throw InputError(
            file: url.path, problem: "the tokenizer has \(ids) tokens, the model's table \(rows) rows",
            remedy: "give the tokenizer that the model was trained with")
    }

    static func tokenizer(_ stored: StoredDecoder) throws -> any Tokenizer {
        switch stored {
        case .directory(let url): try TokenizerFiles.load(from: url)
        case .gguf(let file): try PipelineTokenizer(GGUFVocabulary(file), file: file.path)
        }
    }
}

extension GGUFVocabulary {
    fileprivate init(_ file: GGUFFile) throws {
        func key(_ name: String) -> String { "tokenizer.ggml.\(name)" }
        func id(_ role: String) throws -> Int32? {
            // Some converters write −1 for none.
            try file.integerIfPresent(key("\(role)_token_id")).flatMap { $0 < 0 ? nil : Int32(exactly: $0) ?? .max }
        }
        self.init(
            model: try file.string(key("model")), pre: try file.stringIfPresent(key("pre")),
            tokens: try file.strings(key("tokens")))
        types = try file.integersIfPresent(key("token_type"))?.map { Int32(clamping: $0) } ?? []
        merges = try file.stringsIfPresent(key("merges")) ?? []
        scores = try file.numbersIfPresent(key("scores"))?.map { Float($0) } ?? []
        special.beginning = try id("bos")
        special.end = try id("eos")
        special.unknown = try id("unknown")
        special.pad = try id("padding")
        special.classification = try id("cls")
        special.separator = try id("seperator")
        special.mask = try id("mask")
        addsBeginning = try file.boolIfPresent(key("add_bos_token"))
        addsEnd = try file.boolIfPresent(key("add_eos_token"))
        addsBlank = try file.boolIfPresent(key("add_space_prefix"))
    }
}
