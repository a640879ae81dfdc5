import Files

/// Byte-pair encoding: a word's characters (or bytes), joined by a list of merges (Sennrich et al. 2016, arXiv 1508.07909).
struct BytePairModel: Sendable {
    /// What a file says besides vocabulary and merges.
    struct Settings: Sendable, Equatable {
        /// Words are bytes, which the vocabulary writes in the byte alphabet.
        var isByteLevel = false
        /// What an unknown character becomes; without it, such a character is left out.
        var unknownToken: String?
        /// Neighbouring unknown characters become one.
        var fusesUnknown = false
        /// Unknown characters become tokens such as `<0x0A>` where the vocabulary has them.
        var byteFallback = false
        /// A word that is a token is that token, whatever the merges make of it.
        var ignoresMerges = false
        /// What is put before the characters inside a word.
        var continuingPrefix = ""
        /// What is put behind the last character of a word.
        var endSuffix = ""
    }

    let settings: Settings
    /// Ids by what tokens stand for: bytes at byte level, else their text.
    private let tokens: Vocabulary
    /// The id of each entry of `tokens`.
    private let ids: [Int32]
    private let merges: MergeTable
    private let unknown: Int32?
    /// The token of each byte, −1 where there is none: at byte level every one, else of the byte fallback.
    private let byteIDs: [Int32]

    /// - Parameter merges: as `MergeTable` wants them; their ids are ids of `vocabulary`.
    init(_ vocabulary: Vocabulary, merges: MergeTable, settings: Settings, unknown: Int32?) {
        self.settings = settings
        self.merges = merges
        self.unknown = unknown
        var tokens = Vocabulary(capacity: vocabulary.count)
        var ids: [Int32] = []
        for id in 0..<Int32(vocabulary.count) {
            let token = vocabulary.token(id)
            let bytes = settings.isByteLevel ? ByteAlphabet.bytes(of: token) : Array(token.utf8)
            if let bytes, tokens.append(bytes) == nil { ids.append(id) }
        }
        self.tokens = tokens
        self.ids = ids
        byteIDs = (0...255).map { byte in
            let hexadecimal = String(byte, radix: 16, uppercase: true)
            let name =
                settings.isByteLevel
                ? String(ByteAlphabet.scalars[byte]) : "<0x\(byte < 16 ? "0" : "")\(hexadecimal)>"
            return vocabulary.id(of: name) ?? -1
        }
    }

    private func id(of bytes: UnsafeBufferPointer<UInt8>) -> Int32? { tokens.id(of: bytes).map { ids[Int($0)] } }

    /// Appends the pieces of a word, which is valid UTF-8 and not empty.
    func encode(
        _ word: UnsafeBufferPointer<UInt8>, with storage: inout BytePairStorage, into pieces: inout [ModelPiece]
    ) {
        let isShort = word.count <= WordCache.longestWord
        let hash = isShort ? Vocabulary.hash(word) : 0
        if isShort, storage.cache.append(word, hash: hash, to: &pieces) { return }
        let first = pieces.count
        if settings.ignoresMerges, let id = id(of: word) {
            pieces.append(ModelPiece(id: id, start: 0, end: Int32(word.count)))
        } else {
            storage.word.removeAll()
            if settings.isByteLevel { spellBytes(word, &storage.word) } else { spellCharacters(word, &storage.word) }
            merges.withReader { storage.word.join($0) }
            storage.word.forEachPiece { pieces.append($0) }
            if settings.isByteLevel { toRawBytes(&pieces, from: first, of: word) }
        }
        if isShort { storage.cache.insert(word, hash: hash, pieces[first...]) }
    }

    /// The bytes of a word as symbols. Lengths count the bytes of the alphabet's scalars, for `toRawBytes`.
    private func spellBytes(_ word: UnsafeBufferPointer<UInt8>, _ symbols: inout MergedWord) {
        var unknowns = UnknownRun(id: unknown, fuses: settings.fusesUnknown)
        for byte in word {
            let (id, length) = (byteIDs[Int(byte)], ByteAlphabet.length(of: byte))
            if id >= 0 {
                unknowns.end(&symbols)
                symbols.append(id, length: length)
            } else {
                unknowns.extend(by: length, &symbols)
            }
        }
        unknowns.end(&symbols)
    }

    /// The characters of a word as symbols, with prefix and suffix where the settings have them.
    private func spellCharacters(_ word: UnsafeBufferPointer<UInt8>, _ symbols: inout MergedWord) {
        var unknowns = UnknownRun(id: unknown, fuses: settings.fusesUnknown)
        let isPlain = settings.continuingPrefix.isEmpty && settings.endSuffix.isEmpty
        var position = 0
        while position < word.count {
            let length = word.scalar(at: position).1
            let character = UnsafeBufferPointer(rebasing: word[position..<position + length])
            var affixed: [UInt8] = []
            if !isPlain {
                if position > 0 { affixed += settings.continuingPrefix.utf8 }
                affixed += character
                if position + length == word.count { affixed += settings.endSuffix.utf8 }
            }
            if let id = isPlain ? id(of: character) : affixed.withUnsafeBufferPointer({ self.id(of: $0) }) {
                unknowns.end(&symbols)
                symbols.append(id, length: Int32(length))
            } else {
                let fallback = isPlain ? Array(character) : affixed
                if settings.byteFallback, fallback.allSatisfy({ byteIDs[Int($0)] >= 0 }) {
                    for byte in fallback { symbols.append(byteIDs[Int(byte)], length: 1) }
                } else {
                    unknowns.extend(by: Int32(length), &symbols)
                }
            }
            position += length
        }
        unknowns.end(&symbols)
    }

    /// Turns places in the word as the alphabet writes it into places in its bytes.
    private func toRawBytes(_ pieces: inout [ModelPiece], from first: Int, of word: UnsafeBufferPointer<UInt8>) {
        var raw: Int32 = 0
        var written: Int32 = 0
        for index in first..<pieces.count {
            // Pieces follow each other, so the end of one is the start of the next.
            pieces[index].start = raw
            while written < pieces[index].end, raw < word.count {
                written += ByteAlphabet.length(of: word[Int(raw)])
                raw += 1
            }
            pieces[index].end = raw
        }
    }
}

/// Unknown characters that may become one token.
private struct UnknownRun {
    let id: Int32?
    let fuses: Bool
    private var length: Int32 = 0

    init(id: Int32?, fuses: Bool) {
        self.id = id
        self.fuses = fuses
    }

    mutating func extend(by more: Int32, _ symbols: inout MergedWord) {
        guard id != nil else { return }
        if !fuses { end(&symbols) }
        length += more
    }

    mutating func end(_ symbols: inout MergedWord) {
        if let id, length > 0 { symbols.append(id, length: length) }
        length = 0
    }
}

/// What a model uses again from word to word.
struct BytePairStorage {
    var word = MergedWord()
    var cache = WordCache()
    var unigram = UnigramModel.Scratch()
}
