import Files
public import Foundation

extension WordPieceTokenizer {
    /// Writes `tokenizer.json`, `vocab.txt`, `tokenizer_config.json` and `special_tokens_map.json`. Equal tokenizers give
    /// equal bytes.
    ///
    /// - Throws: `InputError` when a file cannot be written.
    public func write(to directory: URL) throws {
        try AtomicFile.write(tokenizerJSON(), to: directory.appendingPathComponent("tokenizer.json"))
        try AtomicFile.write(
            vocabulary.map { $0 + "\n" }.joined(), to: directory.appendingPathComponent("vocab.txt"))
        try AtomicFile.write(
            """
            {
              "clean_up_tokenization_spaces": true,
              \(specialNames),
              "do_lower_case": \(lowercase),
              "strip_accents": \(stripAccents),
              "tokenize_chinese_chars": true,
              "tokenizer_class": "BertTokenizer"
            }

            """, to: directory.appendingPathComponent("tokenizer_config.json"))
        try AtomicFile.write(
            """
            {
              \(specialNames)
            }

            """, to: directory.appendingPathComponent("special_tokens_map.json"))
    }

    private var specialNames: String {
        zip(["pad", "unk", "cls", "sep", "mask"], SpecialTokens.names)
            .map { "\"\($0)_token\": \"\($1)\"" }
            .joined(separator: ",\n  ")
    }

    private func tokenizerJSON() -> String {
        let added = addedTokens.map { id in
            """
                {
                  "id": \(id),
                  "content": \(JSONString.quote(vocabulary[Int(id)])),
                  "single_word": false,
                  "lstrip": false,
                  "rstrip": false,
                  "normalized": false,
                  "special": true
                }
            """
        }
        let entries = vocabulary.enumerated().map { "      \(JSONString.quote($1)): \($0)" }
        return """
            {
              "version": "1.0",
              "truncation": null,
              "padding": null,
              "added_tokens": [
            \(added.joined(separator: ",\n"))
              ],
              "normalizer": {
                "type": "BertNormalizer",
                "clean_text": true,
                "handle_chinese_chars": true,
                "strip_accents": \(stripAccents),
                "lowercase": \(lowercase)
              },
              "pre_tokenizer": {
                "type": "BertPreTokenizer"
              },
              "post_processor": {
                "type": "TemplateProcessing",
                "single": [
            \(templateItem("SpecialToken", "[CLS]", segment: 0)),
            \(templateItem("Sequence", "A", segment: 0)),
            \(templateItem("SpecialToken", "[SEP]", segment: 0))
                ],
                "pair": [
            \(templateItem("SpecialToken", "[CLS]", segment: 0)),
            \(templateItem("Sequence", "A", segment: 0)),
            \(templateItem("SpecialToken", "[SEP]", segment: 0)),
            \(templateItem("Sequence", "B", segment: 1)),
            \(templateItem("SpecialToken", "[SEP]", segment: 1))
                ],
                "special_tokens": {
                  "[CLS]": {"id": "[CLS]", "ids": [\(bert.classification)], "tokens": ["[CLS]"]},
                  "[SEP]": {"id": "[SEP]", "ids": [\(bert.separator)], "tokens": ["[SEP]"]}
                }
              },
              "decoder": {
                "type": "WordPiece",
                "prefix": "##",
                "cleanup": true
              },
              "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": \(Self.maximumWordLength),
                "vocab": {
            \(entries.joined(separator: ",\n"))
                }
              }
            }

            """
    }

    private func templateItem(_ kind: String, _ id: String, segment: Int) -> String {
        "      {\"\(kind)\": {\"id\": \"\(id)\", \"type_id\": \(segment)}}"
    }
}
