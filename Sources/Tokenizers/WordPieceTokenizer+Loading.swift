import Files
import Foundation

extension WordPieceTokenizer {
    /// The fast form of a tokenizer that is BERT's in every part; nil when it is another.
    convenience init?(_ pipeline: PipelineTokenizer) throws {
        let description = pipeline.description
        let vocabulary = description.model.vocabulary
        let bert = SpecialTokens.names.compactMap { vocabulary.id(of: $0) }
        guard case .wordPiece("[UNK]", Self.continuation, Self.maximumWordLength) = description.model.kind,
            case .bert(true, true, let stripsAccents, let lowercases) = pipeline.normalizer,
            description.preTokenizer == #"{"type":"BertPreTokenizer"}"#, bert.count == SpecialTokens.names.count,
            let postProcessor = pipeline.postProcessor,
            postProcessor.isBert(opening: bert[2], closing: bert[3]),
            case .wordPiece(WordPieceDecoder(prefix: Self.continuation, cleansUp: true)) = pipeline.decoder
        else { return nil }
        guard !pipeline.keepsEnd else { return nil }
        let added = description.addedTokens
        guard added.allSatisfy({ $0 == AddedToken(id: $0.id, content: $0.content) && vocabulary.contains($0.id) }),
            Set(bert).isSubset(of: added.map(\.id)), description.addedTokens.count < 1000
        else { return nil }
        let tokens = (0..<Int32(vocabulary.count)).map { vocabulary.token($0) }
        guard tokens.allSatisfy({ !$0.isEmpty && !$0.utf8.contains(UInt8(ascii: "\n")) }) else { return nil }
        try self.init(
            vocabulary: tokens, lowercase: lowercases, stripAccents: stripsAccents, addedTokens: added.map(\.id),
            source: VocabularySource(file: nil))
    }

    /// Reads `vocab.txt`, with the settings beside it if they are there.
    static func load(lines bytes: Data, file: String, directory: URL) throws -> WordPieceTokenizer {
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
        if let bytes = try TokenizerFiles.contents(of: configuration) {
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
