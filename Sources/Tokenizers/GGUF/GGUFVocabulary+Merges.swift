import Files

extension GGUFVocabulary {
    /// The merges as they are listed: `"a b"`, the first joins first.
    func listedMerges(_ vocabulary: Vocabulary, file: String?) throws -> [PipelineDescription.PairMerge] {
        guard merges.count <= Vocabulary.maximumTokens else { throw refusal("merges", "are too many", file: file) }
        return try merges.enumerated().map { index, merge in
            func refuse(_ problem: String) -> InputError {
                refusal("merges", "entry \(index), `\(merge)`, \(problem)", file: file)
            }
            let parts = merge.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw refuse("does not name two tokens") }
            guard let first = vocabulary.id(of: parts[0]), let second = vocabulary.id(of: parts[1]),
                let joined = vocabulary.id(of: parts[0] + parts[1])
            else { throw refuse("names or makes a token that is not in the vocabulary") }
            return PipelineDescription.PairMerge(first: first, second: second, rank: UInt32(index), joined: joined)
        }
    }

    /// SentencePiece's merges: any two tokens that make a third join, the better its score the earlier.
    func scoredMerges(_ vocabulary: Vocabulary, file: String?) throws -> [PipelineDescription.PairMerge] {
        guard scores.count == tokens.count, scores.allSatisfy(\.isFinite) else {
            throw refusal("scores", "has no number for each of the \(tokens.count) tokens", file: file)
        }
        let ranks = Dictionary(
            uniqueKeysWithValues: Set(scores).sorted(by: >).enumerated().map { ($1, UInt32($0)) })
        var merges: [PipelineDescription.PairMerge] = []
        for id in 0..<Int32(vocabulary.count) where types.isEmpty || [1, 4].contains(types[Int(id)]) {
            let token = Array(vocabulary.bytes(of: id))
            guard token.count <= Self.longestJoined, let rank = ranks[scores[Int(id)]] else { continue }
            token.withUnsafeBufferPointer { bytes in
                for cut in bytes.indices.dropFirst() where bytes[cut] & 0xC0 != 0x80 {
                    guard let first = vocabulary.id(of: UnsafeBufferPointer(rebasing: bytes[..<cut])),
                        let second = vocabulary.id(of: UnsafeBufferPointer(rebasing: bytes[cut...]))
                    else { continue }
                    merges.append(.init(first: first, second: second, rank: rank, joined: id))
                }
            }
        }
        guard merges.count <= Vocabulary.maximumTokens else {
            throw refusal("tokens", "have too many merges", file: file)
        }
        return merges.sorted { ($0.rank, $0.first, $0.second) < ($1.rank, $1.first, $1.second) }
    }

    /// A token of more bytes is never the result of a merge, so that hostile files cost no quadratic time.
    private static let longestJoined = 512
}
