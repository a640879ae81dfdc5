import Layers
import Tensors

// A model's own first values are normal and drawn one by one, which takes longer than the first step.

extension Tensor {
    /// Overwrites all elements with numbers that are uniform around 0 and have this standard deviation.
    ///
    /// One draw of 64 bits gives four numbers of 16 bits each; they depend on `key` and their place alone.
    mutating func fillUniformly(deviation: Float, key: RandomKey) {
        // The deviation of numbers that are uniform in ±a is a / √3.
        let unit = deviation * Float(3).squareRoot() / 32768
        withUnsafeMutableBufferPointer { values in
            Threads.forEachChunk(of: (values.count + 3) / 4, grain: 1 << 12) { draws in
                for draw in draws {
                    var bits = key.bits(draw)
                    for place in 4 * draw..<min(4 * draw + 4, values.count) {
                        values[place] = unit * Float(Int16(truncatingIfNeeded: bits))
                        bits >>= 16
                    }
                }
            }
        }
    }
}

extension Module {
    /// Fills all matrices; norms and biases stay as they were made.
    func fillMatrices(deviation: Float, key: RandomKey) {
        for parameter in parameters where parameter.decays {
            parameter.value.fillUniformly(deviation: deviation, key: key.mixed(parameter.name))
        }
    }
}

/// Sequences of tokens that are uniform over the vocabulary.
func randomTokens(_ count: Int, length: Int, vocabularySize: Int, key: RandomKey) -> [[Int32]] {
    (0..<count).map { sequence in
        let own = key.mixed(sequence)
        return (0..<length).map { Int32(own.bits($0) % UInt64(vocabularySize)) }
    }
}
