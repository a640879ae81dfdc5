public import Models

/// A model whose cost can be told before it is made.
public protocol CountableModel {
    /// Number of weights.
    var parameterCount: Int { get }
    /// Floating point operations of a forward pass over one text: two per multiplication with a weight or between
    /// positions; norms, activations and softmax, which are few, do not count.
    ///
    /// - Parameter length: tokens of the text (T).
    func operations(length: Int) -> Int
}

extension EncoderConfiguration: CountableModel {
    public func operations(length: Int) -> Int {
        let width = hiddenSize
        // Where the head reads first positions, the last layer computes only keys and values of the others.
        let readsFirst = pooling == .first && head != .maskedLanguageModel
        let blocks = zip(heads, feedForward).enumerated().reduce(0) { sum, layer in
            let (attention, inner) = (layer.element.0 * headSize, layer.element.1)
            let rows = readsFirst && layer.offset == layers - 1 ? 1 : length
            return sum + 4 * (length + rows) * attention * width + 4 * rows * inner * width
                + 4 * rows * length * attention
        }
        let head =
            switch head {
            case .classification, .regression: 2 * width * (width + labels.count)
            case .maskedLanguageModel: 2 * length * width * (width + vocabularySize)
            case .embedding, .none: 0
            }
        return blocks + head
    }
}

extension DecoderConfiguration: CountableModel {
    public func operations(length: Int) -> Int {
        let projections = family == .gpt2 ? 2 : 3
        let blocks = (0..<layers).reduce(0) { sum, layer in
            let (queries, keys) = (heads[layer] * headSize, keyHeads[layer] * headSize)
            let weights = 2 * (queries + keys) * hiddenSize + projections * feedForward[layer] * hiddenSize
            // A position sees itself and the earlier ones.
            return sum + 2 * length * weights + 2 * length * (length + 1) * queries
        }
        return blocks + 2 * length * hiddenSize * vocabularySize
    }
}
