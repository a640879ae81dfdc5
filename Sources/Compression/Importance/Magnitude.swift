import Layers
import Models
import Tensors

/// The size of the weights that leave the model with a head or a neuron: √Σ w².
///
/// For a head these are its rows of Wq, Wk, Wv and its columns of Wo; for a neuron its row of W₁ and its column of W₂.
/// Biases do not count.
struct Magnitude {
    let heads: [[Double]]
    let neurons: [[Double]]

    init(of model: Encoder) {
        let headSize = model.configuration.headSize
        heads = model.layers.map { layer in
            Self.norms(
                rowsOf: [layer.query, layer.key, layer.value], columnsOf: layer.attentionOutput, unitWidth: headSize)
        }
        neurons = model.layers.map { layer in
            Self.norms(rowsOf: [layer.intermediate], columnsOf: layer.output, unitWidth: 1)
        }
    }

    /// √Σ w² per unit, which has `unitWidth` rows of each of the first matrices and as many columns of the second.
    private static func norms(rowsOf inputs: [Linear], columnsOf output: Linear, unitWidth: Int) -> [Double] {
        let width = output.weight.value.width
        var squares = [Double](repeating: 0, count: width / unitWidth)
        for input in inputs {
            let row = input.weight.value.width
            input.weight.value.withUnsafeBufferPointer { weights in
                for index in 0..<weights.count {
                    squares[index / row / unitWidth] += Double(weights[index] * weights[index])
                }
            }
        }
        output.weight.value.withUnsafeBufferPointer { weights in
            for index in 0..<weights.count {
                squares[index % width / unitWidth] += Double(weights[index] * weights[index])
            }
        }
        return squares.map { $0.squareRoot() }
    }
}
