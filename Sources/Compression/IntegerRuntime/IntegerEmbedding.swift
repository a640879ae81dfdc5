import Models
import Tensors

/// Sums the rows of the int8 tables in float and normalizes them.
struct IntegerEmbedding {
    private let words: Int8Matrix
    private let positions: Int8Matrix
    /// The rows of the token types, those of one being 0 where the family has none: types · [C].
    private let types: [Float]
    /// The row of the position table for a text's first position.
    private let positionOffset: Int
    private let norm: FixedNorm

    init(_ encoder: QuantizedEncoder) {
        words = encoder.wordEmbeddings.rows
        positions = encoder.positionEmbeddings.rows
        types =
            encoder.tokenTypeEmbeddings.map { table in
                table.rows.levels.enumerated().map { Float($1) * table.rows.scales[$0 / table.rows.width] }
            } ?? [Float](repeating: 0, count: words.width)
        positionOffset = encoder.configuration.positionOffset
        norm = FixedNorm(encoder.embeddingNorm, epsilon: encoder.configuration.layerNormEpsilon)
    }

    /// The normalized embedding of each token: [N, C]. Every id must lie in the vocabulary.
    func forward(_ batch: PackedBatch, on tape: Tape) -> Variable {
        let width = words.width
        let (ids, places, kinds) = (batch.tokens, batch.positions, batch.tokenTypes)
        let hasTypes = types.count > width
        var x = Tensor(uninitialized: [ids.count, width])
        x.withUnsafeMutableBufferPointer { x in
            words.levels.withUnsafeBufferPointer { words in
                positions.levels.withUnsafeBufferPointer { positions in
                    types.withUnsafeBufferPointer { types in
                        for (row, (id, own)) in zip(ids, places).enumerated() {
                            let place = Int(own) + positionOffset
                            let type = hasTypes ? Int(kinds[row]) * width : 0
                            precondition(
                                id >= 0 && id < self.words.rows && place < self.positions.rows && type < types.count,
                                "IntegerEmbedding: id \(id) at position \(place) is outside of the tables")
                            let (word, position) = (Int(id) * width, place * width)
                            let (wordScale, positionScale) = (
                                self.words.scales[Int(id)], self.positions.scales[place]
                            )
                            // Added in the order of the float encoder, so that the sums round alike.
                            for j in 0..<width {
                                x[row * width + j] =
                                    Float(words[word + j]) * wordScale + types[type + j]
                                    + Float(positions[position + j]) * positionScale
                            }
                        }
                    }
                }
            }
        }
        return norm(Variable(constant: x), on: tape)
    }
}
