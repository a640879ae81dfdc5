import Models
import Tensors

/// Sums the rows of the tables in float and normalizes them.
struct IntegerEmbedding {
    private let words: TableRows
    private let positions: TableRows
    /// The rows of the token types, those of one being 0 where the family has none: types · [C].
    private let types: TableRows
    private let width: Int
    /// The row of the position table for a text's first position.
    private let positionOffset: Int
    private let norm: FixedNorm

    init(_ encoder: QuantizedEncoder) {
        width = encoder.configuration.hiddenSize
        words = encoder.wordEmbeddings.rows
        positions = encoder.positionEmbeddings.rows
        types = encoder.tokenTypeEmbeddings?.rows ?? .float([Float](repeating: 0, count: width), width: width)
        positionOffset = encoder.configuration.positionOffset
        norm = FixedNorm(encoder.embeddingNorm, epsilon: encoder.configuration.layerNormEpsilon)
    }

    /// The normalized embeddings of some rows of the batch: [rows, C]. Every id must lie in the vocabulary.
    ///
    /// - Parameter positions: those of the whole batch.
    func forward(_ batch: PackedBatch, _ positions: [Int32], rows: Range<Int>) -> Tensor {
        let hasTypes = types.count > 1
        // Added in the order of the float encoder, so that the sums round alike.
        var x = words.gather(batch.tokens[rows])
        x.add(types.gather(hasTypes ? batch.tokenTypes[rows] : [Int32](repeating: 0, count: rows.count)[...]))
        x.add(self.positions.gather(positions[rows].map { $0 + Int32(positionOffset) }))
        return norm(x)
    }
}

extension TableRows {
    /// Rows of the table (V).
    var count: Int {
        switch self {
        case .int8(let matrix): matrix.rows
        case .float(let values, let width): values.count / width
        }
    }

    /// Rows `ids`: [N] → [N, C]. Every id must be one of the table's.
    func gather(_ ids: some Collection<Int32>) -> Tensor {
        switch self {
        case .int8(let matrix): return matrix.rows(ids)
        case .float(let values, let width):
            precondition(
                ids.allSatisfy { $0 >= 0 && Int($0) < count }, "TableRows.gather: an id is outside of the \(count) rows"
            )
            var x = Tensor(uninitialized: [ids.count, width])
            x.withUnsafeMutableBufferPointer { x in
                values.withUnsafeBufferPointer { values in
                    for (row, id) in ids.enumerated() {
                        (x.baseAddress! + row * width).update(
                            from: values.baseAddress! + Int(id) * width, count: width)
                    }
                }
            }
            return x
        }
    }
}
