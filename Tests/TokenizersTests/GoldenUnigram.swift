import Foundation
import Tokenizers

/// What `Tests/Golden/unigram.py` recorded from the `tokenizers` package.
struct GoldenUnigram: Decodable {
    struct Number: Decodable {
        let text: String
        /// In Python's hexadecimal notation, which is Swift's too.
        let value: String
    }

    struct Case: Decodable, CustomStringConvertible {
        let name: String
        /// The `tokenizer.json`.
        let file: String
        let texts: [String]
        let ids: [[Int32]]
        /// SHA-256 of the offsets of all texts, as JSON without blanks.
        let offsets: String
        /// The offsets of the first texts: start, end, start, end, …
        let shownOffsets: [[Int]]

        var description: String { name }
    }

    let numbers: [Number]
    let characterMap: String
    let cases: [Case]

    static let recorded: GoldenUnigram = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Golden/unigram.json")
        do {
            return try JSONDecoder().decode(GoldenUnigram.self, from: try Data(contentsOf: file))
        } catch {
            fatalError("\(file.path): \(error)")
        }
    }()
}

/// A `tokenizer.json` with a Unigram model and, if given, a normalizer; nothing else.
func unigramJSON(vocabulary: String, unknown: String = "0", byteFallback: Bool = false, normalizer: String = "null")
    -> String
{
    """
    {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": \(normalizer),
     "pre_tokenizer": null, "post_processor": null, "decoder": null,
     "model": {"type": "Unigram", "unk_id": \(unknown), "byte_fallback": \(byteFallback), "vocab": [\(vocabulary)]}}
    """
}

/// The tokenizer that a `tokenizer.json` describes.
func loadTokenizer(_ json: String) throws -> any Tokenizer {
    try loadTokenizer(Array(json.utf8))
}

func loadTokenizer(_ json: [UInt8]) throws -> any Tokenizer {
    try withTemporaryDirectory { directory in
        // Not with Data's `write`, which waits for the disk: tests call this thousands of times.
        let file = directory.appending(path: "tokenizer.json")
        _ = FileManager.default.createFile(atPath: file.path, contents: nil)
        try FileHandle(forWritingTo: file).write(contentsOf: Data(json))
        return try TokenizerFiles.load(from: directory)
    }
}
