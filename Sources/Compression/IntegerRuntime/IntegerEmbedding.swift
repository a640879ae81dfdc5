import Models
import Tensors

/// Sums the rows of the int8 tables in float and normalizes them; all positions have token type 0.
struct IntegerEmbedding {
    private let words: Int8Matrix
    private let positions: Int8Matrix
    /// The row of token type 0: [C].
    private let type: [Float]
    private let norm: FixedNorm

    init(_ encoder: QuantizedEncoder) {
        words = encoder.wordEmbeddings.rows
        positions = encoder.positionEmbeddings.rows
        let types = encoder.tokenTypeEmbeddings.rows
        type = types.levels.prefix(types.width).map { Float($0) * types.scales[0] }
        norm = FixedNorm(encoder.embeddingNorm, epsilon: encoder.configuration.layerNormEpsilon)
    }

    /// The normalized embedding of each token: [N, C]. Every id must lie in the vocabulary.
    func forward(_ batch: PackedBatch, on tape: Tape) -> Variable {
        let width = words.width
        let (ids, places) = (batch.tokens, batch.positions)
        var x = Tensor(uninitialized: [ids.count, width])
        x.withUnsafeMutableBufferPointer { x in
            words.levels.withUnsafeBufferPointer { words in
                positions.levels.withUnsafeBufferPointer { positions in
                    type.withUnsafeBufferPointer { type in
                        for (row, (id, place)) in zip(ids, places).enumerated() {
                            precondition(
                                id >= 0 && id < self.words.rows && place < self.positions.rows,
                                "IntegerEmbedding: id \(id) at position \(place) is outside of the tables")
                            let (word, position) = (Int(id) * width, Int(place) * width)
                            let (wordScale, positionScale) = (
                                self.words.scales[Int(id)], self.positions.scales[Int(place)]
                            )
                            // Added in the order of the float encoder, so that the sums round alike.
                            for j in 0..<width {
                                x[row * width + j] =
                                    Float(words[word + j]) * wordScale + type[j]
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
