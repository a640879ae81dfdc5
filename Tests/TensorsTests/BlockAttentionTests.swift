import CKernels
import Foundation
import Tensors
import Testing

@Suite("Attention for inference, by blocks of rows")
struct BlockAttentionTests {
    private static let lengths = [
        [1], [17, 1, 33], [64], [65, 2], [100, 128, 31], [200], Array(repeating: 3, count: 50),
    ]

    private func tensor(_ rows: Int, _ width: Int, _ name: String) -> Tensor {
        Tensor(normals(rows * width, name, deviation: 2), shape: [rows, width])
    }

    /// The result over a whole batch.
    private func attend(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, _ blocks: [RowBlock], _ offsets: SequenceOffsets, heads: Int,
        headSize: Int, _ precision: Precision
    ) -> [Float] {
        let attention = BlockAttention(offsets, heads: heads, headSize: headSize, precision: precision)
        Threads.forEach(blocks.count) {
            let rows = blocks[$0].rows
            attention.store(keys: k.rows(rows), values: v.rows(rows), of: blocks[$0])
        }
        return Tensor.joining(Threads.map(blocks.count) { attention.attend(q.rows(blocks[$0].rows), of: blocks[$0]) })
            .values
    }

    @Test("agrees with the reference", arguments: [(1, 1), (2, 8), (3, 20), (12, 32), (2, 64), (0, 16)], lengths)
    func reference(shape: (heads: Int, size: Int), lengths: [Int]) {
        let offsets = SequenceOffsets(lengths: lengths)
        let width = shape.heads * shape.size
        let (q, k, v) = (
            tensor(offsets.rows, width, "q"), tensor(offsets.rows, width, "k"), tensor(offsets.rows, width, "v")
        )
        let blocks = RowBlock.covering(offsets)
        func found(_ precision: Precision) -> [Float] {
            attend(q, k, v, blocks, offsets, heads: shape.heads, headSize: shape.size, precision)
        }
        let expected = Tape(recording: false).attention(
            q: Variable(constant: q), k: Variable(constant: k), v: Variable(constant: v), heads: max(shape.heads, 1),
            offsets: offsets
        ).value.values
        #expect(largestError(found(.float32), expected.doubles) < 1e-5)
        // Scores of ±8 in 8 bits of mantissa move by 0.03 before the exponential, and so do the probabilities.
        #expect(largestError(found(.bfloat16), expected.doubles) < 0.25)
        let mean = zip(found(.bfloat16), expected).reduce(0) { $0 + abs($1.0 - $1.1) } / Float(max(expected.count, 1))
        #expect(mean < 0.01)
    }

    @Test("does not depend on how rows are cut into blocks", arguments: Precision.allCases)
    func blocks(precision: Precision) {
        let offsets = SequenceOffsets(lengths: [100, 7, 64])
        let (q, k, v) = (tensor(171, 40, "q"), tensor(171, 40, "k"), tensor(171, 40, "v"))
        let cuts = [1, 3, 8].map { RowBlock.covering(offsets, threads: $0) }
        #expect(Set(cuts.map(\.count)).count > 1)
        let found = cuts.map { attend(q, k, v, $0, offsets, heads: 2, headSize: 20, precision) }
        #expect(found[0] == found[1] && found[0] == found[2])
    }

    @Test("the first positions alone give the same rows", arguments: Precision.allCases)
    func firstPositions(precision: Precision) {
        let offsets = SequenceOffsets(lengths: (0..<150).map { 1 + $0 % 40 })
        let rows = offsets.rows
        let (q, k, v) = (tensor(rows, 16, "q"), tensor(rows, 16, "k"), tensor(rows, 16, "v"))
        let blocks = RowBlock.covering(offsets)
        let all = attend(q, k, v, blocks, offsets, heads: 1, headSize: 16, precision)
        let attention = BlockAttention(offsets, heads: 1, headSize: 16, precision: precision)
        for block in blocks { attention.store(keys: k.rows(block.rows), values: v.rows(block.rows), of: block) }
        let starts = (0..<offsets.count).map { offsets[$0].lowerBound }
        let first = Tensor.joining(starts.map { q.rows($0..<$0 + 1) })
        let found = Tensor.joining(
            RowBlock.firstPositions(offsets).map { attention.attend(first.rows($0.rows), of: $0) }
        ).values
        #expect(found == starts.flatMap { all[$0 * 16..<($0 + 1) * 16] })
        #expect(starts == blocks.flatMap { block in block.sequenceStarts.map { $0 + block.rows.lowerBound } })
    }

    @Test("there are blocks for all threads, as many for each, where sequences can be shared out")
    func shares() {
        func count(_ lengths: [Int], _ threads: Int) -> Int {
            RowBlock.covering(SequenceOffsets(lengths: lengths), threads: threads).count
        }
        func texts(_ count: Int, _ length: Int) -> [Int] { [Int](repeating: length, count: count) }
        #expect(count(texts(8, 16), 8) == 8 && count(texts(16, 16), 8) == 8 && count(texts(2, 20), 2) == 2)
        #expect(count(texts(16, 16), 2) == 4 && count(texts(32, 128), 2) == 64)
        // A sequence is cut at 32 positions at least.
        #expect(count([64], 8) == 2 && count([24], 2) == 1 && count([128], 2) == 2)
    }

    @Test("blocks cover every row once, in order, and cut at aligned positions", arguments: lengths)
    func covering(lengths: [Int]) {
        let offsets = SequenceOffsets(lengths: lengths)
        for blocks in [1, 2, 8, 64].map({ RowBlock.covering(offsets, threads: $0) }) {
            check(blocks, cover: offsets)
        }
    }

    private func check(_ blocks: [RowBlock], cover offsets: SequenceOffsets) {
        #expect(blocks.flatMap { Array($0.rows) } == Array(0..<offsets.rows))
        #expect(blocks.allSatisfy { $0.rows.count <= 96 && !$0.rows.isEmpty })
        for block in blocks {
            let rows = block.segments.flatMap { segment in
                segment.positions.map { offsets[segment.sequence].lowerBound + $0 }
            }
            #expect(rows == Array(block.rows))
            #expect(block.segments.allSatisfy { $0.positions.lowerBound % 32 == 0 })
        }
    }
}

@Suite("Exponentials as a left operand")
struct PackedExponentialsTests {
    private func packed(_ level: ProductLevel, _ x: Matrix, scale: Float) -> (
        values: [Float?], stride: Int, sums: [Float]
    ) {
        let stride = level.padded(x.columns) + 4
        let source = x.fenced(gap: 3, misaligned: true)
        let buffer = PackedBuffer(max(x.rows * stride - 4, 0), level)
        let inverses = FencedBuffer([Float](repeating: 9, count: x.rows))
        level.product.pack_exponentials(
            source.pointer, x.columns + 3, buffer.pointer, stride, x.rows, x.columns, scale, inverses.pointer)
        #expect(buffer.words.isIntact && inverses.isIntact && source.isIntact)
        return (buffer.values, stride, inverses.values.map { 1 / $0 })
    }

    @Test("are those of softmax, within 1e-6 of themselves and then rounded", arguments: ProductLevel.all)
    func values(level: ProductLevel) {
        for (rows, columns) in [(1, 1), (2, 15), (3, 16), (4, 17), (5, 32), (7, 33), (9, 48), (4, 128), (6, 203)] {
            let x = Matrix(rows: rows, columns: columns, values: normals(rows * columns, "x", deviation: 8))
            let (values, stride, sums) = packed(level, x, scale: 0.25)
            let tolerance = level.isBFloat16 ? 1.0 / 256 + 1e-6 : 1e-6
            for row in 0..<rows {
                let scores = (0..<columns).map { Double(x[row, $0]) }
                let expected = scores.map { exp(0.25 * ($0 - scores.max()!)) }
                #expect(abs(Double(sums[row]) / expected.reduce(0, +) - 1) < 1e-6, "\(rows) × \(columns)")
                for k in 0..<stride where row * stride + k < values.count {
                    let found = values[row * stride + k]
                    if k < columns {
                        #expect(abs(Double(found ?? .nan) / expected[k] - 1) < tolerance, "\(rows) × \(columns)")
                    } else {
                        #expect(found == (k < level.padded(columns) ? 0 : nil), "\(rows) × \(columns), column \(k)")
                    }
                }
            }
        }
    }

    @Test("NaN, infinities and what is far below the maximum", arguments: ProductLevel.all)
    func special(level: ProductLevel) {
        func row(_ change: (inout [Float]) -> Void, columns: Int) -> ([Float], Float) {
            var values = (0..<columns).map { Float($0 % 3) }
            change(&values)
            let (found, _, sums) = packed(level, Matrix(rows: 1, columns: columns, values: values), scale: 1)
            return (found.prefix(columns).map { $0 ?? 9 }, sums[0])
        }
        for columns in [5, 16, 37] {
            for place in [0, columns / 2, columns - 1] {
                for value in [Float.nan, .infinity] {
                    let (found, sum) = row({ $0[place] = value }, columns: columns)
                    #expect(sum.isNaN && found[place].isNaN)
                }
                let (found, sum) = row({ $0[place] = -.infinity }, columns: columns)
                #expect(found[place] == 0 && sum.isFinite)
                #expect(row({ $0[place] = -200 }, columns: columns).0[place] == 0)
            }
            #expect(row({ $0 = $0.map { _ in -.infinity } }, columns: columns).1.isNaN)
        }
    }
}
