import Files
import Layers
public import Models
import Tensors

/// Unstructured sparsity: single weights at zero, for those who export sparse weights. The model keeps its shape: it becomes
/// smaller where zeros are not stored, and no faster here.
public enum SparseMasks {
    /// Which weights become zero.
    public enum Pattern: Equatable, Sendable {
        /// The share with the lowest scores of each matrix (magnitude) or of each row (Wanda).
        case free(Double)
        /// Two of every four neighbouring weights of a row.
        case twoOfFour
    }

    /// How weights are scored.
    public enum Score: String, CaseIterable, Sendable {
        /// |w|.
        case magnitude
        /// |w_ij| · ‖x_j‖₂, x_j the matrix's input j over all calibration tokens (Sun et al. 2023, arXiv 2306.11695);
        /// compared within a row.
        case wanda
    }

    /// What was done to a model.
    public struct Result: Equatable, Sendable {
        /// Weights of the matrices that masks apply to, and how many of them are zero now.
        public let weights: Int
        public let zeros: Int
        /// Bytes of these matrices stored densely in float32, and with a bit per weight beside the weights that are left.
        public let denseBytes: Int
        public let sparseBytes: Int
    }

    /// Sets weights of an encoder's blocks to zero, in place; embeddings, norms, biases and the head stay.
    ///
    /// - Parameter calibration: what `wanda` measures inputs on.
    /// - Throws: `InputError` if the model cannot read the examples.
    public static func apply(
        to model: Encoder, _ pattern: Pattern, by score: Score, calibration: CalibrationSequences?, batch: Int = 16
    ) throws -> Result {
        let layers = model.layers.flatMap {
            [$0.query, $0.key, $0.value, $0.attentionOutput, $0.intermediate, $0.output]
        }.filter { $0.weight.value.count > 0 }
        var norms: [String: [Float]] = [:]
        if score == .wanda { norms = try inputNorms(of: model, layers, calibration, batch: batch) }
        var (weights, zeros) = (0, 0)
        for layer in layers {
            let masked = mask(layer.weight.value, pattern, norms[layer.name])
            weights += masked.count
            zeros += masked.values.count { $0 == 0 }
            layer.weight.value = masked
        }
        return Result(
            weights: weights, zeros: zeros, denseBytes: 4 * weights,
            sparseBytes: 4 * (weights - zeros) + (weights + 7) / 8)
    }

    private static func mask(_ weight: Tensor, _ pattern: Pattern, _ norms: [Float]?) -> Tensor {
        let width = weight.width
        var values = weight.values
        func score(_ index: Int) -> Float { abs(values[index]) * (norms?[index % width] ?? 1) }
        func drop(_ count: Int, of indices: Range<Int>) {
            let lowest = indices.map { (score: score($0), index: $0) }.sorted {
                ($0.score, $0.index) < ($1.score, $1.index)
            }
            for entry in lowest.prefix(count) { values[entry.index] = 0 }
        }
        switch pattern {
        case .free(let share):
            // Inputs differ in scale only within a row of their own products: Wanda compares there.
            let group = norms == nil ? values.count : width
            for start in stride(from: 0, to: values.count, by: group) {
                drop(Int((share * Double(group)).rounded()), of: start..<start + group)
            }
        case .twoOfFour:
            for row in 0..<weight.rows {
                for start in stride(from: 0, to: width - width % 4, by: 4) {
                    drop(2, of: row * width + start..<row * width + start + 4)
                }
            }
        }
        return Tensor(values, shape: weight.shape)
    }

    /// ‖x_j‖₂ of each input of each layer over all tokens.
    private static func inputNorms(
        of model: Encoder, _ layers: [Linear], _ calibration: CalibrationSequences?, batch: Int
    ) throws -> [String: [Float]] {
        guard let calibration else {
            throw InputError(
                field: "sparse", problem: "wanda needs calibration examples, found none",
                remedy: "give data, or use magnitude")
        }
        try model.check(calibration)
        let ordered = calibration.inCanonicalOrder
        let observers = layers.map { _ in InputNorms() }
        for (layer, observer) in zip(layers, observers) { layer.quantization = observer }
        defer { for layer in layers { layer.quantization = nil } }
        try ordered.forEachBatch(of: batch) {
            _ = model.forward(ordered.batch($0), on: Tape(recording: false))
        }
        return Dictionary(uniqueKeysWithValues: zip(layers, observers).map { ($0.name, $1.norms) })
    }
}

/// Sums up the squares of a layer's inputs as they pass.
private final class InputNorms: LinearQuantization {
    private var squares: [Double] = []
    var norms: [Float] { squares.map { Float($0.squareRoot()) } }

    func input(_ x: Variable, on tape: Tape) -> Variable {
        let value = x.value
        if squares.isEmpty { squares = [Double](repeating: 0, count: value.width) }
        let sums = value.sums(0..<value.rows, unitWidth: 1, with: value) { $0 * $1 }
        for index in squares.indices { squares[index] += sums[index] }
        return x
    }

    func weight(_ weight: Variable, on tape: Tape) -> Variable { weight }
}
