import Files

/// A Unigram language model over pieces: cuts a text where the sum of its pieces' scores is largest.
///
/// Viterbi's algorithm over the bytes of the text, as `Unigram` of the `tokenizers` package does it (Kudo 2018, arXiv
/// 1804.10959): of paths with equal sums the one found first stays, which is the one whose last piece begins earliest. A
/// scalar that is no piece of its own may be unknown, at 10 less than the lowest score; neighbouring unknown scalars are
/// one piece. With byte fallback an unknown piece becomes the pieces `<0x00>` to `<0xFF>` of its bytes, where all are
/// there. Time is linear in the text: each position is read only as far as the longest piece reaches.
struct UnigramModel: Sendable {
    /// What stands for text that no pieces spell.
    let unknown: Int32
    private let scores: [Double]
    private let unknownScore: Double
    private let trie: PieceTrie
    /// The pieces of the 256 bytes, where byte fallback is on; nil for a byte that the vocabulary lacks.
    private let bytePieces: [Int32?]

    /// What an unknown scalar costs beside the piece with the lowest score.
    private static let unknownPenalty = 10.0

    /// Of tokens that occur twice the last one counts, as in the reference, whose trainer writes such files.
    ///
    /// - Parameters:
    ///   - scores: one for each token of `vocabulary`, finite.
    ///   - unknown: the id of a token.
    ///   - file: what is named in the error.
    /// - Throws: `InputError` when the vocabulary holds more text than fits.
    init(
        _ vocabulary: Vocabulary, scores: [Double], unknown: Int32, byteFallback: Bool, file: String?
    ) throws(InputError) {
        precondition(scores.count == vocabulary.count, "\(scores.count) scores for \(vocabulary.count) tokens")
        let tokens = (0..<Int32(vocabulary.count)).map { vocabulary.bytes(of: $0) }
        let bytes = tokens.reduce(0) { $0 + $1.count }
        guard bytes < PieceTrie.maximumNodes else {
            throw InputError(
                file: file, field: "model.vocab",
                problem: "the pieces take \(bytes) bytes; fewer than \(PieceTrie.maximumNodes) fit",
                remedy: "check that this is a Unigram vocabulary")
        }
        var trie = PieceTrie()
        // The empty piece matches nowhere.
        for (id, token) in tokens.enumerated() where !token.isEmpty { trie.replace(token, id: Int32(id)) }
        self.trie = trie
        self.scores = scores
        unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
        self.unknown = unknown
        bytePieces = trie.withReader { reader in
            (0..<(byteFallback ? 256 : 0)).map { byte in
                let digits = String(byte, radix: 16, uppercase: true)
                return reader.id(of: "<0x\(digits.count == 1 ? "0" : "")\(digits)>".utf8)
            }
        }
    }

    /// The best way to each byte of a text, kept by the caller to be used again.
    struct Scratch {
        fileprivate struct Step {
            /// The sum of the scores up to here.
            var score = 0.0
            /// Where the last piece begins; -1 where no path ends.
            var start: Int32 = -1
            var id: Int32 = 0
        }
        fileprivate var steps: [Step] = []
        /// The pieces of the best path, from the end.
        fileprivate var path: [ModelPiece] = []
    }

    /// Appends the pieces of `text`, valid UTF-8 of fewer than 2³¹ bytes, to `pieces`.
    func encode(_ text: UnsafeBufferPointer<UInt8>, into pieces: inout [ModelPiece], scratch: inout Scratch) {
        precondition(text.count < Int32.max, "a text of \(text.count) bytes is too long")
        trie.withReader { reader in
            findPath(text, &scratch.steps, reader)
            var end = text.count
            scratch.path.removeAll(keepingCapacity: true)
            while end > 0 {
                let step = scratch.steps[end]
                if step.id == unknown, scratch.path.last?.id == unknown {
                    scratch.path[scratch.path.count - 1].start = step.start
                } else {
                    scratch.path.append(ModelPiece(id: step.id, start: step.start, end: Int32(end)))
                }
                end = Int(step.start)
            }
            for piece in scratch.path.reversed() {
                if piece.id == unknown {
                    appendUnknown(piece, of: text, to: &pieces, reader)
                } else {
                    pieces.append(piece)
                }
            }
        }
    }

    /// Fills `steps` with the best path to each byte at which a path can end.
    private func findPath(
        _ text: UnsafeBufferPointer<UInt8>, _ steps: inout [Scratch.Step], _ reader: PieceTrie.Reader
    ) {
        steps.removeAll(keepingCapacity: true)
        steps.append(contentsOf: repeatElement(Scratch.Step(), count: text.count + 1))
        scores.withUnsafeBufferPointer { scores in
            steps.withUnsafeMutableBufferPointer { steps in
                var start = 0
                while start < text.count {
                    let sum = steps[start].score
                    let next = start + Self.scalarLength(text[start])
                    var isPiece = false
                    var node = PieceTrie.Reader.root
                    var end = start
                    while end < text.count, let child = reader.child(of: node, text[end]) {
                        node = child
                        end += 1
                        guard let id = reader.id(at: node) else { continue }
                        isPiece = isPiece || end == next
                        Self.offer(sum + scores[Int(id)], from: start, id, at: &steps[end])
                    }
                    if !isPiece { Self.offer(sum + unknownScore, from: start, unknown, at: &steps[next]) }
                    start = next
                }
            }
        }
    }

    /// Keeps a path if it is the first to end here, or better than the one before.
    private static func offer(_ score: Double, from start: Int, _ id: Int32, at step: inout Scratch.Step) {
        guard step.start < 0 || score > step.score else { return }
        step = Scratch.Step(score: score, start: Int32(truncatingIfNeeded: start), id: id)
    }

    /// What the unknown piece of a text is: several unknown scalars may spell a piece together.
    private func appendUnknown(
        _ piece: ModelPiece, of text: UnsafeBufferPointer<UInt8>, to pieces: inout [ModelPiece],
        _ reader: PieceTrie.Reader
    ) {
        let bytes = text[Int(piece.start)..<Int(piece.end)]
        if let id = reader.id(of: bytes) {
            pieces.append(ModelPiece(id: id, start: piece.start, end: piece.end))
        } else if !bytePieces.isEmpty, bytes.allSatisfy({ bytePieces[Int($0)] != nil }) {
            for byte in bytes {
                pieces.append(ModelPiece(id: bytePieces[Int(byte)] ?? unknown, start: piece.start, end: piece.end))
            }
        } else {
            pieces.append(piece)
        }
    }

    /// The bytes of the scalar that `first` begins.
    private static func scalarLength(_ first: UInt8) -> Int {
        first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    }
}
