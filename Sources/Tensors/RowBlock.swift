/// Rows of a packed batch that one thread takes through a layer of an inference: whole short sequences, or a part of a long
/// one. Their number is small enough for what a layer makes of them to stay in the cache.
public struct RowBlock: Equatable, Sendable {
    /// Neighbouring positions of one sequence.
    public struct Segment: Equatable, Sendable {
        public let sequence: Int
        public let positions: Range<Int>
    }

    /// Where the block lies among all rows.
    public let rows: Range<Int>
    /// What it consists of, in order.
    public let segments: [Segment]

    /// The rows of the block at which sequences begin.
    public var sequenceStarts: [Int] {
        var (starts, row) = ([Int](), 0)
        for segment in segments {
            if segment.positions.lowerBound == 0 { starts.append(row) }
            row += segment.positions.count
        }
        return starts
    }

    /// The positions at which segments begin are multiples of this one, to which packed keys and values are padded.
    static let alignment = 32
    /// Rows of a block of whole sequences, and of a part of one.
    private static let largest = 96
    private static let largestSegment = 64

    /// Blocks that cover a packed batch, in order. Of short sequences there are as many for each thread; a sequence is cut where
    /// its parts are large enough.
    public static func covering(_ offsets: SequenceOffsets, threads: Int = Threads.count) -> [RowBlock] {
        func parts(_ size: Int) -> Int { (offsets.rows + size - 1) / size }
        let share = parts(threads)
        let limit = parts(max(1, parts(largest * threads)) * threads)
        let size = min(max((share + alignment - 1) / alignment * alignment, alignment), largestSegment)
        let segments = (0..<offsets.count).flatMap { sequence in
            let length = offsets[sequence].count
            return stride(from: 0, to: length, by: size).map {
                Segment(sequence: sequence, positions: $0..<min($0 + size, length))
            }
        }
        return grouped(segments, limit: limit)
    }

    /// Blocks of the first position of every sequence: the rows of [B, C].
    public static func firstPositions(_ offsets: SequenceOffsets) -> [RowBlock] {
        grouped((0..<offsets.count).map { Segment(sequence: $0, positions: 0..<1) }, limit: largestSegment)
    }

    private static func grouped(_ segments: [Segment], limit: Int) -> [RowBlock] {
        var blocks: [RowBlock] = []
        var (start, count, members) = (0, 0, [Segment]())
        func close() {
            guard count > 0 else { return }
            blocks.append(RowBlock(rows: start..<start + count, segments: members))
            (start, count, members) = (start + count, 0, [])
        }
        for segment in segments {
            if count + segment.positions.count > limit { close() }
            count += segment.positions.count
            members.append(segment)
        }
        close()
        return blocks
    }
}
