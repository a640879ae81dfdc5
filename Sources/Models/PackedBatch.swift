public import Tensors

/// Token sequences laid end to end, without padding: [N] tokens of B sequences.
public struct PackedBatch: Sendable {
    public let tokens: [Int32]
    public let offsets: SequenceOffsets
    /// Which example each sequence is; keys dropout.
    public let samples: [Int]
    /// Which text of a pair each token belongs to: [N], all 0 where nothing else was given.
    public let tokenTypes: [Int32]

    /// - Parameters:
    ///   - sequences: token ids of each sequence, none empty.
    ///   - types: the token types of each sequence; nil: all 0.
    ///   - samples: the example number of each sequence.
    public init(_ sequences: [[Int32]], types: [[Int32]]? = nil, samples: [Int]) {
        precondition(
            sequences.count == samples.count, "PackedBatch: \(sequences.count) sequences, \(samples.count) samples")
        precondition(
            types.map { $0.map(\.count) == sequences.map(\.count) } ?? true, "PackedBatch: types of other lengths")
        tokens = sequences.flatMap { $0 }
        tokenTypes = types?.flatMap { $0 } ?? [Int32](repeating: 0, count: tokens.count)
        offsets = SequenceOffsets(lengths: sequences.map(\.count))
        self.samples = samples
    }

    /// 0, 1, 2, … within each sequence: [N].
    public var positions: [Int32] {
        (0..<offsets.count).flatMap { (0..<Int32(offsets[$0].count)) }
    }

    /// The token that follows each one in its sequence, −1 after the last: [N].
    public var nextTokens: [Int32] {
        (0..<offsets.count).flatMap { tokens[offsets[$0]].dropFirst() + [-1] }
    }

    /// A key per row from `key` (which stands for the seed and the epoch), the sample and the position.
    public func dropoutKeys(_ key: RandomKey) -> DropoutKeys {
        var rows: [UInt64] = []
        rows.reserveCapacity(tokens.count)
        for sequence in 0..<offsets.count {
            let own = key.mixed(samples[sequence])
            for position in 0..<offsets[sequence].count { rows.append(own.mixed(position).value) }
        }
        return DropoutKeys(rows: rows)
    }

    /// A key per sequence, for dropout on pooled outputs.
    public func pooledDropoutKeys(_ key: RandomKey) -> DropoutKeys {
        DropoutKeys(rows: samples.map { key.mixed($0).value })
    }
}
