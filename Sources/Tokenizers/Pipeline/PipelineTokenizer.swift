import Files
import Foundation
import Synchronization

/// A tokenizer that works as its `tokenizer.json` says, part by part: added tokens, normalizer, pre-tokenizer, model,
/// post-processor, decoder.
///
/// Gives the ids and the offsets that the `tokenizers` package gives for the same file.
public final class PipelineTokenizer: Tokenizer {
    public let special: SpecialTokens
    public let digest: String

    let description: PipelineDescription
    /// Whether a text that is too long loses its beginning, not its end.
    let keepsEnd: Bool
    /// The files beside `tokenizer.json` that say which tokens have which role, as they were read, by name.
    let companions: [String: Data]
    let normalizer: Normalizer?
    private let preTokenizer: PreTokenizer?
    private let model: TokenModel
    let postProcessor: PostProcessor?
    let decoder: TokenDecoder?
    /// Added tokens that are looked for in the text as it is, and in the normalized text.
    private let rawMatcher: AddedTokenMatcher
    private let normalizedMatcher: AddedTokenMatcher
    /// Added tokens by id, and ids past the model's vocabulary by token.
    let added: [Int32: AddedToken]
    /// What decoding takes for an added token: its content, normalized where the token is.
    let decodedForms: [Int32: String]
    private let addedIDs: [[UInt8]: Int32]
    /// The blanks that begin and end each token of the model's vocabulary, for post-processors that trim offsets.
    private let blanks: [(leading: UInt16, trailing: UInt16)]
    /// Storage of threads that are not encoding now.
    private let idle = Mutex<[BytePairStorage]>([])

    /// - Parameters:
    ///   - file: what errors name.
    ///   - recognizesSpecialTokens: whether special tokens that are written out in a text are these tokens.
    init(
        _ description: PipelineDescription, roles: SpecialTokenRoles = SpecialTokenRoles(), file: String? = nil,
        companions: [String: Data] = [:], recognizesSpecialTokens: Bool = true
    ) throws {
        self.description = description
        keepsEnd = roles.keepsEnd
        self.companions = companions
        func node(_ text: String?, _ key: String) throws -> JSONNode? {
            try text.map { try JSONNode(Array($0.utf8), file: file, key: key) }
        }
        normalizer = try node(description.normalizer, "normalizer").map { try Normalizer($0) }
        preTokenizer = try node(description.preTokenizer, "pre_tokenizer").map { try PreTokenizer($0) }
        decoder = try node(description.decoder, "decoder").map { try TokenDecoder($0) }
        let vocabulary = description.model.vocabulary
        (added, addedIDs) = try Self.added(description.addedTokens, beside: vocabulary, file: file)
        let size = vocabulary.count + addedIDs.count
        guard size > 0 else {
            throw InputError(file: file, field: "model.vocab", problem: "is empty", remedy: "train the tokenizer first")
        }
        postProcessor = try node(description.postProcessor, "post_processor").map { try PostProcessor($0, size: size) }
        model = try TokenModel(
            description.model, isByteLevel: preTokenizer?.isByteLevel ?? false, file: file)
        let normalizer = normalizer
        decodedForms = try added.mapValues {
            try $0.normalizedContent($0.isNormalized ? normalizer : nil, file: file)
        }
        let looked = description.addedTokens.filter { recognizesSpecialTokens || !$0.isSpecial }
        rawMatcher = try AddedTokenMatcher(looked.filter { !$0.isNormalized }, nil, file: file)
        normalizedMatcher = try AddedTokenMatcher(looked.filter(\.isNormalized), normalizer, file: file)
        blanks = (0..<Int32(vocabulary.count)).map { Self.blanks(of: vocabulary.token($0)) }
        digest = Self.digest(description, keepsEnd: keepsEnd)
        let (added, addedIDs) = (added, addedIDs)
        special = roles.tokens { token in
            addedIDs[Array(token.utf8)] ?? vocabulary.id(of: token)
        } isAdded: {
            added[$0] != nil
        }
    }

    /// Added tokens by id; those that the model does not have by their bytes. These must continue its ids.
    private static func added(
        _ tokens: [AddedToken], beside vocabulary: Vocabulary, file: String?
    ) throws -> ([Int32: AddedToken], [[UInt8]: Int32]) {
        var added: [Int32: AddedToken] = [:]
        var ids: [[UInt8]: Int32] = [:]
        for (index, token) in tokens.enumerated() {
            func refuse(_ problem: String) -> InputError {
                InputError(
                    file: file, field: "added_tokens.\(index)", problem: "`\(token.content)` \(problem)",
                    remedy: "write the file again with the tool that made it")
            }
            guard !token.content.isEmpty else { throw refuse("is empty") }
            let bytes = Array(token.content.utf8)
            let next = Int32(vocabulary.count + ids.count)
            guard ids[bytes] == nil, added[token.id] == nil else { throw refuse("or its id \(token.id) occurs twice") }
            let expected = vocabulary.id(of: token.content) ?? next
            guard token.id == expected else {
                throw refuse("has the id \(token.id); what the file has before it makes it \(expected)")
            }
            if expected == next { ids[bytes] = next }
            added[token.id] = token
        }
        return (added, ids)
    }

    /// How many blanks begin and end a text, the blank of the byte alphabet included.
    static func blanks(of token: String) -> (leading: UInt16, trailing: UInt16) {
        func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar == "Ġ" || scalar.properties.isWhitespace }
        let leading = token.unicodeScalars.prefix(while: isBlank).count
        let trailing = token.unicodeScalars.reversed().prefix(while: isBlank).count
        return (UInt16(clamping: leading), UInt16(clamping: trailing))
    }

    public var vocabularySize: Int { description.model.vocabulary.count + addedIDs.count }

    public func token(_ id: Int32) -> String {
        if let token = added[id] { return token.content }
        precondition(description.model.vocabulary.contains(id), "token id \(id) is not in 0..<\(vocabularySize)")
        return description.model.vocabulary.token(id)
    }

    public func id(of token: String) -> Int32? {
        addedIDs[Array(token.utf8)] ?? description.model.vocabulary.id(of: token)
    }

    public func isSpecial(_ id: Int32) -> Bool { added[id]?.isSpecial ?? false }

    /// The pieces of one text in order, without its template, up to the end of the word with which there are `limit` of them.
    ///
    /// - Parameter body: gets the text that a run of pieces was cut from, the pieces with ranges in its bytes, and whether they
    ///   are one added token.
    func forEachRun(
        of text: String, limit: Int, tracksOffsets: Bool, with storage: inout BytePairStorage,
        _ body: (NormalizedText, [ModelPiece], _ isAdded: Bool) -> Void
    ) {
        var text = text
        text.withUTF8 { bytes in
            var (count, isFull) = (0, false)
            let tracks = tracksOffsets || preTokenizer?.asksForPlaces == true
            for part in rawMatcher.parts(of: bytes) where !isFull {
                let slice = UnsafeBufferPointer(rebasing: bytes[part.range])
                let place = tracks ? bytes[..<part.range.lowerBound].count { $0 & 0xC0 != 0x80 } : nil
                var normalized = NormalizedText(slice, firstScalar: place)
                if let token = part.token {
                    body(normalized, [ModelPiece(id: token, start: 0, end: Int32(slice.count))], true)
                    count += 1
                    continue
                }
                normalizer?.apply(to: &normalized)
                let parts = normalized.bytes.withUnsafeBufferPointer { normalizedMatcher.parts(of: $0) }
                for part in parts where !isFull {
                    let inner = parts.count == 1 ? normalized : NormalizedText(normalized, part.range)
                    if let token = part.token {
                        body(inner, [ModelPiece(id: token, start: 0, end: Int32(part.range.count))], true)
                        count += 1
                    } else {
                        let spelled = spell(inner, limit: limit - count, with: &storage, body)
                        count += spelled.count
                        isFull = spelled.isFull
                    }
                }
            }
        }
    }

    /// The pieces of a text that holds no added token; returns how many, and whether they reached the limit.
    private func spell(
        _ text: NormalizedText, limit: Int, with storage: inout BytePairStorage,
        _ body: (NormalizedText, [ModelPiece], _ isAdded: Bool) -> Void
    ) -> (count: Int, isFull: Bool) {
        var split = SplitText(text)
        preTokenizer?.apply(to: &split)
        var pieces: [ModelPiece] = []
        var isFull = false
        pieces.reserveCapacity(split.ranges.count + split.ranges.count / 4)
        split.text.bytes.withUnsafeBufferPointer { bytes in
            for range in split.ranges where !range.isEmpty && !isFull {
                let first = pieces.count
                model.encode(UnsafeBufferPointer(rebasing: bytes[range]), with: &storage, into: &pieces)
                let offset = Int32(range.lowerBound)
                for index in first..<pieces.count {
                    pieces[index].start += offset
                    pieces[index].end += offset
                }
                isFull = pieces.count >= limit
            }
        }
        body(split.text, pieces, false)
        return (pieces.count, isFull)
    }

    /// Calls `body` with storage that no other thread uses.
    func withStorage<Result>(_ body: (inout BytePairStorage) -> Result) -> Result {
        var storage = idle.withLock { $0.popLast() } ?? BytePairStorage()
        defer { idle.withLock { $0.append(storage) } }
        return body(&storage)
    }

    func blanks(of id: Int32) -> (leading: UInt16, trailing: UInt16) { blanks[Int(id)] }
}
