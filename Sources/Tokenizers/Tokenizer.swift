import Files
public import Foundation

/// Turns texts into token ids and back, as the `tokenizers` package (PyPI) does with the same files.
///
/// Ids are 0 ..< `vocabularySize`, each the id of one token. Encoding never fails: what a file leaves open was refused when
/// the file was read.
public protocol Tokenizer: Sendable {
    /// How many ids there are, added tokens included.
    var vocabularySize: Int { get }
    /// The tokens with a role of their own, as far as there are any.
    var special: SpecialTokens { get }
    /// SHA-256 of everything that decides which ids a text gets. Equal digests: equal ids for every text.
    var digest: String { get }
    /// The settings besides the vocabulary, by name, to say in words how two tokenizers differ.
    var settings: [(name: String, value: String)] { get }

    /// The text of a token as its vocabulary has it (`##ing`, `Ġthe`, `▁the`); traps when `id` is not in the vocabulary.
    func token(_ id: Int32) -> String
    /// The id of the token with exactly these bytes.
    func id(of token: String) -> Int32?
    /// Whether decoding leaves the token out when it is asked to skip special tokens.
    func isSpecial(_ id: Int32) -> Bool
    /// What the token adds to a text that is being generated: UTF-8, which may begin or end inside of a character; nothing
    /// where the id is outside of the vocabulary.
    func bytes(of id: Int32) -> [UInt8]

    /// How many special tokens the template adds to one text, or to a pair.
    func templateTokens(isPair: Bool) -> Int
    /// The ids of a text with its template, at most `maxLength` of them: the text's own ids past the limit are dropped.
    ///
    /// Traps when `maxLength` is less than `templateTokens(isPair: false)`.
    func encode(_ text: String, maxLength: Int) -> [Int32]
    /// Encodes many texts on all cores; the result has their order.
    func encode(_ texts: [String], maxLength: Int) -> [[Int32]]
    /// The ids of a text, or of a pair of texts, with all that belongs to each.
    ///
    /// - Parameters:
    ///   - maxLength: the most ids, template included; nil for no limit. Ids are dropped from the longer text of a pair
    ///     until both are equally long, then from both in turn. Traps when the template alone is longer.
    func encoding(of text: String, pair: String?, addingSpecialTokens: Bool, maxLength: Int?) -> Encoding

    /// The text that ids stand for. Ids outside of the vocabulary are left out.
    func decode(_ ids: [Int32], skippingSpecialTokens: Bool) -> String

    /// Writes the files by which the `tokenizers` and `transformers` packages know this tokenizer.
    ///
    /// - Throws: `InputError` when a file cannot be written.
    func write(to directory: URL) throws
}

extension Tokenizer {
    /// - Throws: `InputError` where the template's own tokens are more than `length`: texts cannot be cut so short.
    public func requireRoom(in length: Int, file: String? = nil, field: String) throws {
        let needed = templateTokens(isPair: false)
        guard needed > length else { return }
        throw InputError(
            file: file, field: field,
            problem: "\(length) tokens, and the tokenizer adds \(needed) of its own to every text",
            remedy: "give more than \(needed), or another tokenizer")
    }

    public func encoding(of text: String) -> Encoding {
        encoding(of: text, pair: nil, addingSpecialTokens: true, maxLength: nil)
    }
}
