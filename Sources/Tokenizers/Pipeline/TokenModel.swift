import Files

/// The model of a `tokenizer.json`: what spells words with tokens.
enum TokenModel: Sendable {
    case bytePair(BytePairModel)
    case wordPiece(WordPieceModel)
    case unigram(UnigramModel)

    /// Appends the pieces of a word, which is valid UTF-8 and not empty.
    func encode(
        _ word: UnsafeBufferPointer<UInt8>, with storage: inout BytePairStorage, into pieces: inout [ModelPiece]
    ) {
        switch self {
        case .bytePair(let model): model.encode(word, with: &storage, into: &pieces)
        case .wordPiece(let model): model.encode(word, into: &pieces)
        case .unigram(let model): model.encode(word, into: &pieces, scratch: &storage.unigram)
        }
    }
}

extension TokenModel {
    /// - Parameter isByteLevel: whether words are bytes, as the pre-tokenizer decides.
    init(_ description: PipelineDescription.Model, isByteLevel: Bool, file: String?) throws {
        func refuse(_ field: String, _ problem: String) -> InputError {
            InputError(file: file, field: field, problem: problem, remedy: "use another tokenizer")
        }
        let vocabulary = description.vocabulary
        switch description.kind {
        case .bytePair(var settings, let merges):
            settings.isByteLevel = isByteLevel
            if isByteLevel, settings.byteFallback || !settings.continuingPrefix.isEmpty || !settings.endSuffix.isEmpty {
                throw refuse("model", "has a byte fallback, a prefix or a suffix, which bytes do not go with")
            }
            // A word's bytes are fewer than those that an affixed character falls back to.
            if settings.byteFallback, !settings.continuingPrefix.isEmpty || !settings.endSuffix.isEmpty {
                throw refuse("model", "has a byte fallback beside a prefix or a suffix")
            }
            var table = MergeTable(capacity: merges.count)
            for merge in merges {
                table.insert(merge.first, merge.second, MergeTable.Merge(rank: merge.rank, id: merge.joined))
            }
            self = .bytePair(
                BytePairModel(
                    vocabulary, merges: table, settings: settings,
                    unknown: settings.unknownToken.flatMap { vocabulary.id(of: $0) }))
        case .wordPiece(let unknown, let prefix, let maximumLength):
            guard !isByteLevel else { throw refuse("model.type", "is WordPiece after a ByteLevel pre-tokenizer") }
            guard let unknown = vocabulary.id(of: unknown) else {
                throw refuse("model.unk_token", "`\(unknown)` is not in the vocabulary")
            }
            let tokens = (0..<Int32(vocabulary.count)).map { vocabulary.bytes(of: $0) }
            let bytes = tokens.reduce(0) { $0 + $1.count }
            guard bytes < PieceTrie.maximumNodes else { throw refuse("model.vocab", "is too large for WordPiece") }
            var trie = PieceTrie()
            for (id, token) in tokens.enumerated() where !token.isEmpty { _ = trie.insert(token, id: Int32(id)) }
            self = .wordPiece(
                WordPieceModel(trie, unknown: unknown, prefix: prefix, maximumLength: maximumLength))
        case .unigram(let scores, let unknown, let byteFallback):
            guard !isByteLevel else { throw refuse("model.type", "is Unigram after a ByteLevel pre-tokenizer") }
            self = .unigram(
                try UnigramModel(vocabulary, scores: scores, unknown: unknown, byteFallback: byteFallback, file: file))
        }
    }
}
