import Layers
import Tensors

/// The size of the weights that leave the model with a head or a neuron: √Σ w².
///
/// For a head these are its rows of Wq, Wk, Wv and its columns of Wo; for a neuron its row of W₁, and of a gate, and its
/// column of W₂.
/// Biases do not count.
struct Magnitude {
    let heads: [[Double]]
    let neurons: [[Double]]

    init(of model: some ScorableModel) {
        let layers = model.scorableLayers
        heads = layers.map { layer in
            Self.norms(
                rowsOf: layer.attentionInputs, columnsOf: layer.attentionOutput, units: layer.attentionUnits)
        }
        neurons = layers.map { layer in
            Self.norms(rowsOf: layer.feedForwardInputs, columnsOf: layer.feedForwardOutput, units: layer.neurons)
        }
    }

    /// √Σ w² per unit, which has an equal part of the rows of each of the first matrices and of the columns of the second.
    private static func norms(rowsOf inputs: [Linear], columnsOf output: Linear, units: Int) -> [Double] {
        var squares = [Double](repeating: 0, count: units)
        guard units > 0 else { return squares }
        for input in inputs {
            let unitCount = input.weight.value.count / units
            input.weight.value.withUnsafeBufferPointer { weights in
                for index in 0..<weights.count { squares[index / unitCount] += Double(weights[index] * weights[index]) }
            }
        }
        let width = output.weight.value.width
        let unitWidth = width / units
        output.weight.value.withUnsafeBufferPointer { weights in
            for index in 0..<weights.count {
                squares[index % width / unitWidth] += Double(weights[index] * weights[index])
            }
        }
        return squares.map { $0.squareRoot() }
    }
}
