import CKernels

/// Attention for inference, block of rows by block of rows (see `Tape.attention` for what it computes).
///
/// Blocks store their keys and values, packed once for all queries of their sequence; after all have done so, blocks of queries
/// attend. Several threads may do either at the same time, each with blocks of its own. With bfloat16, queries, keys, values and
/// probabilities are rounded to it and all sums are float32. A row of the result does not depend on how rows are cut into blocks.
///
/// Invariant for `@unchecked Sendable`: blocks do not overlap, and none attends before all have stored.
public final class BlockAttention: @unchecked Sendable {
    private let heads: Int
    private let headSize: Int
    private let offsets: SequenceOffsets
    private let precision: Precision
    private let product: retort_product
    /// For each sequence the elements of all keys and values before it.
    private let starts: [Int]
    private let storage: Storage

    /// Rows of scores that exist at a time.
    private static let blockRows = 32

    /// Room for the keys and values of a batch with `heads` heads of `headSize`.
    public init(_ offsets: SequenceOffsets, heads: Int, headSize: Int, precision: Precision) {
        self.heads = heads
        self.headSize = headSize
        self.offsets = offsets
        self.precision = precision
        product = precision.product
        let perPosition = heads * (precision.paddedDepth(headSize) + Self.panels(headSize) * 16)
        starts = (0..<offsets.count).reduce(into: [0]) {
            $0.append($0[$0.count - 1] + Self.aligned(offsets[$1].count) * perPosition)
        }
        storage = Storage(count: precision.floats(starts[starts.count - 1]))
    }

    /// What the first position of every sequence sees; keys and values: [N, H · D], queries: [B, H · D] → [B, H · D].
    public static func firstPositions(
        queries: Tensor, keys: Tensor, values: Tensor, _ offsets: SequenceOffsets, heads: Int, precision: Precision
    ) -> Tensor {
        guard offsets.count > 0 else { return queries }
        let attention = BlockAttention(offsets, heads: heads, headSize: keys.width / heads, precision: precision)
        let blocks = RowBlock.covering(offsets)
        Threads.forEach(blocks.count) {
            let block = blocks[$0]
            attention.store(keys: keys.rows(block.rows), values: values.rows(block.rows), of: block)
        }
        let firsts = RowBlock.firstPositions(offsets)
        return Tensor.joining(
            Threads.map(firsts.count) { attention.attend(queries.rows(firsts[$0].rows), of: firsts[$0]) })
    }

    /// Keeps the keys and values of a block's rows: [rows, H · D] each.
    public func store(keys: Tensor, values: Tensor, of block: RowBlock) {
        let width = heads * headSize
        precondition(
            keys.shape == [block.rows.count, width] && values.shape == keys.shape,
            "BlockAttention.store: keys \(keys.shape), values \(values.shape) for \(block.rows.count) rows of \(width)")
        Profile.measure(.attention) { pack(keys, values, of: block) }
    }

    private func pack(_ keys: Tensor, _ values: Tensor, of block: RowBlock) {
        let width = heads * headSize
        forEachSegment(of: block) { row, segment in
            let (first, count) = (segment.positions.lowerBound, segment.positions.count)
            for head in 0..<heads {
                let column = row * width + head * headSize
                product.pack_panels_transposed(
                    keys.pointer + column, width,
                    element(keysStart(segment.sequence, head) + first * precision.paddedDepth(headSize)), headSize,
                    count)
                for panel in 0..<Self.panels(headSize) {
                    product.pack_panels(
                        values.pointer + column + panel * 16, width,
                        element(valuesStart(segment.sequence, head, panel) + first * 16), count,
                        min(16, headSize - panel * 16))
                }
            }
        }
    }

    /// What the block's queries see: [rows, H · D] → [rows, H · D].
    public func attend(_ queries: Tensor, of block: RowBlock) -> Tensor {
        let width = heads * headSize
        precondition(
            queries.shape == [block.rows.count, width],
            "BlockAttention.attend: queries \(queries.shape) for \(block.rows.count) rows of \(width)")
        var y = Tensor(uninitialized: queries.shape)
        let results = y.mutablePointer
        let longest = block.segments.reduce(0) { max($0, offsets[$1.sequence].count) }
        let scratch = Scratch(longest: longest, headSize: headSize, precision)
        Profile.measure(.attention) {
            forEachSegment(of: block) { row, segment in
                for first in stride(from: 0, to: segment.positions.count, by: Self.blockRows) {
                    let count = min(Self.blockRows, segment.positions.count - first)
                    for head in 0..<heads {
                        let column = (row + first) * width + head * headSize
                        attend(queries.pointer + column, count, segment.sequence, head, scratch, results + column)
                    }
                }
            }
        }
        return y
    }

    /// `count` rows of one head.
    private func attend(
        _ queries: UnsafePointer<Float>, _ count: Int, _ sequence: Int, _ head: Int, _ scratch: Scratch,
        _ y: UnsafeMutablePointer<Float>
    ) {
        let (length, width) = (offsets[sequence].count, heads * headSize)
        let depth = precision.paddedDepth(headSize)
        product.pack_rows(queries, width, scratch.queries, depth, count, headSize)
        product.multiply(
            scratch.queries, depth, element(keysStart(sequence, head)), depth * 16, scratch.scores, length, nil, count,
            headSize, length, 0)
        let positions = Self.aligned(length)
        Profile.measure(.softmax, within: .attention) {
            product.pack_exponentials(
                scratch.scores, length, scratch.probabilities, positions, count, length,
                1 / Float(headSize).squareRoot(), scratch.inverses)
        }
        product.multiply(
            scratch.probabilities, positions, element(valuesStart(sequence, head, 0)), positions * 16, y, width, nil,
            count, length, headSize, 0)
        kernels.scale_rows(y, width, scratch.inverses, count, headSize)
    }

    /// Memory of one thread.
    private struct Scratch {
        let scores: UnsafeMutablePointer<Float>
        let inverses: UnsafeMutablePointer<Float>
        let queries: UnsafeMutableRawPointer
        let probabilities: UnsafeMutableRawPointer
        private let storage: Storage

        init(longest: Int, headSize: Int, _ precision: Precision) {
            let rows = BlockAttention.blockRows
            let scoreCount = (rows * longest + 15) / 16 * 16
            let queryCount = precision.floats(rows * precision.paddedDepth(headSize))
            let probabilityCount = precision.floats(rows * BlockAttention.aligned(longest))
            storage = Storage(count: scoreCount + rows + queryCount + probabilityCount)
            scores = storage.pointer
            inverses = scores + scoreCount
            queries = UnsafeMutableRawPointer(inverses + rows)
            probabilities = UnsafeMutableRawPointer(inverses + rows + queryCount)
        }
    }

    /// Calls `body` with the row of the block at which each segment begins.
    private func forEachSegment(of block: RowBlock, _ body: (Int, RowBlock.Segment) -> Void) {
        var row = 0
        for segment in block.segments {
            body(row, segment)
            row += segment.positions.count
        }
    }

    private func element(_ index: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(storage.pointer) + index * Int(product.element)
    }

    /// A head's keys: [T/16][D][16], or in pairs along D.
    private func keysStart(_ sequence: Int, _ head: Int) -> Int {
        starts[sequence] + head * Self.aligned(offsets[sequence].count) * precision.paddedDepth(headSize)
    }

    /// A head's values: [D/16][T][16], or in pairs along T.
    private func valuesStart(_ sequence: Int, _ head: Int, _ panel: Int) -> Int {
        keysStart(sequence, heads) + (head * Self.panels(headSize) + panel) * 16 * Self.aligned(offsets[sequence].count)
    }

    private static func aligned(_ positions: Int) -> Int {
        (positions + RowBlock.alignment - 1) / RowBlock.alignment * RowBlock.alignment
    }

    private static func panels(_ width: Int) -> Int { (width + 15) / 16 }
}
