import Files
public import Foundation

extension WordPieceTokenizer {
    /// Reads `tokenizer.json` from `directory`; where there is none, `vocab.txt` with `tokenizer_config.json`.
    ///
    /// - Throws: `InputError` when neither is there, when a file is damaged, or when it describes a tokenizer of
    ///   another kind (BPE, Unigram, another normalizer, pre-tokenizer or template); all such reasons are named.
    public static func load(from directory: URL) throws -> WordPieceTokenizer {
        let tokenizer = directory.appendingPathComponent("tokenizer.json")
        if let bytes = try contents(of: tokenizer) { return try load(json: bytes, file: tokenizer.path) }
        let vocabulary = directory.appendingPathComponent("vocab.txt")
        if let bytes = try contents(of: vocabulary) {
            return try load(lines: bytes, file: vocabulary.path, directory: directory)
        }
        throw InputError(
            file: directory.path, problem: "holds neither tokenizer.json nor vocab.txt",
            remedy: "name a directory with the tokenizer files of a BERT-style model")
    }

    private static func load(json bytes: Data, file: String) throws -> WordPieceTokenizer {
        let description = try decode(TokenizerFile.self, from: bytes, file: file)
        let refusals = description.refusals(file: file)
        guard refusals.isEmpty else { throw InputErrors(refusals) }
        var text = JSONText(Array(bytes), file: file)
        let vocabulary = try order(try text.integers(at: ["model", "vocab"]), file: file)
        for token in description.addedTokens ?? [] {
            guard vocabulary.indices.contains(Int(token.id)), vocabulary[Int(token.id)] == token.content else {
                throw InputError(
                    file: file, field: "added_tokens",
                    problem: "`\(token.content)` has id \(token.id), which is not that token in `model.vocab`",
                    remedy: "only added tokens that are part of the vocabulary are supported")
            }
        }
        return try WordPieceTokenizer(
            vocabulary: vocabulary, lowercase: description.normalizer?.lowercase ?? true,
            stripAccents: description.normalizer?.stripAccents,
            addedTokens: (description.addedTokens ?? []).map(\.id), source: VocabularySource(file: file))
    }

    /// Puts tokens at their ids, which must be 0, 1, 2, … without a gap.
    private static func order(_ entries: [(key: String, value: Int32)], file: String) throws -> [String] {
        var vocabulary = [String?](repeating: nil, count: entries.count)
        for (token, id) in entries {
            guard vocabulary.indices.contains(Int(id)), vocabulary[Int(id)] == nil else {
                throw InputError(
                    file: file, field: "model.vocab",
                    problem:
                        "`\(token)` has id \(id); \(entries.count) tokens need the ids 0 to \(entries.count - 1), each once",
                    remedy: "write the file again with the tool that made it")
            }
            vocabulary[Int(id)] = token
        }
        return vocabulary.compactMap { $0 }
    }

    private static func load(lines bytes: Data, file: String, directory: URL) throws -> WordPieceTokenizer {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        let vocabulary = try lines.enumerated().map { index, line in
            let token = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            guard let text = String(validating: token, as: UTF8.self) else {
                throw InputError(
                    file: file, line: index + 1, problem: "is not valid UTF-8", remedy: "convert the file to UTF-8")
            }
            return text
        }
        let configuration = directory.appendingPathComponent("tokenizer_config.json")
        let source = VocabularySource(file: file, isLinePerToken: true)
        if let bytes = try contents(of: configuration) {
            let settings = try decode(TokenizerConfiguration.self, from: bytes, file: configuration.path)
            let refusals = settings.refusals(file: configuration.path)
            guard refusals.isEmpty else { throw InputErrors(refusals) }
            return try WordPieceTokenizer(
                vocabulary: vocabulary, lowercase: settings.lowercase ?? true, stripAccents: settings.stripAccents,
                source: source)
        }
        if let capital = vocabulary.first(where: { token in
            !SpecialTokens.names.contains(token) && !token.hasPrefix("[")
                && token.utf8.contains { (0x41...0x5A).contains($0) }
        }) {
            throw InputError(
                file: file, problem: "holds `\(capital)`, but nothing says whether texts are lower-cased",
                remedy: "put a tokenizer_config.json with `\"do_lower_case\": false` (or true) beside it")
        }
        return try WordPieceTokenizer(vocabulary: vocabulary, lowercase: true, stripAccents: nil, source: source)
    }

    /// The bytes of a file, or nil when there is none.
    private static func contents(of url: URL) throws -> Data? {
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        do {
            return try Data(contentsOf: url)
        } catch {
            throw InputError(file: url.path, problem: "cannot be read", remedy: "check its permissions")
        }
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, from bytes: Data, file: String) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: bytes)
        } catch let error as DecodingError {
            throw InputError(decoding: error, file: file)
        }
    }
}

extension InputError {
    fileprivate init(decoding error: DecodingError, file: String) {
        let context: DecodingError.Context? =
            switch error {
            case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
                .dataCorrupted(let context):
                context
            @unknown default: nil
            }
        let path = (context?.codingPath ?? []).map { $0.intValue.map(String.init) ?? $0.stringValue }
        self.init(
            file: file, field: path.isEmpty ? nil : path.joined(separator: "."),
            problem: context?.debugDescription ?? "is not valid JSON",
            remedy: "write the file again with the tool that made it")
    }
}
