import Files
public import Foundation

/// A trained byte-level BPE vocabulary.
public struct ByteLevelVocabulary: Sendable {
    /// The tokens, with a character for each byte; a token's index is its id.
    public let tokens: [String]
    /// The pairs of tokens to join, in the order of their rank.
    public let merges: [(first: String, second: String)]
    /// The tokens that stand for themselves in raw text.
    public let special: [String]

    /// The names of the files that `write` makes, `tokenizer.json` last.
    public static let files = [
        "vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json", "tokenizer.json",
    ]

    /// Writes the files by which the `tokenizers` and `transformers` packages know a tokenizer of this kind.
    ///
    /// - Throws: `InputError` when a file cannot be written.
    public func write(to directory: URL) throws {
        let contents = [vocabularyJSON, mergeLines, specialTokensMap, configuration, tokenizerJSON]
        for (name, text) in zip(Self.files, contents) {
            try AtomicFile.write(text, to: directory.appendingPathComponent(name))
        }
    }

    private var vocabularyJSON: String {
        "{" + tokens.enumerated().map { "\(JSONString.quote($1)): \($0)" }.joined(separator: ", ") + "}\n"
    }

    private var mergeLines: String {
        "#version: 0.2\n" + merges.map { "\($0.first) \($0.second)\n" }.joined()
    }

    /// The roles of the first special token, as GPT-2's files give them.
    private var roles: String {
        guard let token = special.first.map(JSONString.quote) else { return "" }
        return ["bos", "eos", "unk", "pad"].map { "\"\($0)_token\": \(token)" }.joined(separator: ",\n  ")
    }

    private var specialTokensMap: String { "{\n  \(roles)\n}\n" }

    private var configuration: String {
        """
        {
          "add_prefix_space": false,
          \(roles.isEmpty ? "" : roles + ",\n  ")"clean_up_tokenization_spaces": false,
          "tokenizer_class": "PreTrainedTokenizerFast"
        }

        """
    }

    private var tokenizerJSON: String {
        let added = special.enumerated().map { id, token in
            """
                {"id": \(id), "content": \(JSONString.quote(token)), "single_word": false, "lstrip": false, \
            "rstrip": false, "normalized": false, "special": true}
            """
        }
        let entries = tokens.enumerated().map { "      \(JSONString.quote($1)): \($0)" }
        let pairs = merges.map { "      [\(JSONString.quote($0.first)), \(JSONString.quote($0.second))]" }
        let byteLevel = #"{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": true}"#
        return """
            {
              "version": "1.0",
              "truncation": null,
              "padding": null,
              "added_tokens": [
            \(added.joined(separator: ",\n"))
              ],
              "normalizer": null,
              "pre_tokenizer": \(byteLevel),
              "post_processor": \(byteLevel),
              "decoder": \(byteLevel),
              "model": {
                "type": "BPE",
                "dropout": null,
                "unk_token": null,
                "continuing_subword_prefix": null,
                "end_of_word_suffix": null,
                "fuse_unk": false,
                "byte_fallback": false,
                "ignore_merges": false,
                "vocab": {
            \(entries.joined(separator: ",\n"))
                },
                "merges": [
            \(pairs.joined(separator: ",\n"))
                ]
              }
            }

            """
    }
}
