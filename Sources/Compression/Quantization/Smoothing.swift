import Foundation
import Layers
public import Models
import Tensors

/// Moves the difficulty of rounding from activations to weights (SmoothQuant; Xiao et al. 2023, arXiv 2211.10438).
///
/// Column j of a layer's input is multiplied by f_j = max|W_j|^(1−α) / max|x_j|^α and column j of its weights divided by
/// it, which leaves the float product as it is. Values of attention take the factors up in their own weights, and so do the
/// first feed-forward layers behind which a ReLU stands. Elsewhere the factors stand at the layer's input: a GELU lets none
/// through, and in a post-norm encoder the norm's own scale also feeds the residual stream.
public enum Smoothing {
    /// Folds the factors of the layers behind values and ReLUs into the weights of `encoder`, and gives those of the
    /// other layers, by the layers' names.
    ///
    /// - Parameter alpha: in 0…1; how much of the difficulty goes to the weights.
    /// - Throws: `InputError` or `InputErrors` as `ActivationCalibration.ranges`.
    public static func apply(
        to encoder: Encoder, alpha: Float, on sequences: [[Int32]], batch: Int = 32
    ) throws -> [String: [Float]] {
        precondition((0...1).contains(alpha), "Smoothing: alpha \(alpha)")
        let groups = encoder.quantizedGroups
        let found = try ActivationCalibration.observe(
            encoder, on: sequences, batch: batch, groups.map { _ in ColumnObserver() })
        var factors: [String: [Float]] = [:]
        for (group, observer) in zip(groups, found) {
            let own = Self.factors(observer.largest, group.map(\.weight.value), alpha: alpha)
            for layer in group { factors[layer.name] = own }
        }
        for layer in encoder.layers {
            fold(
                factors.removeValue(forKey: layer.attentionOutput.name), from: layer.value, into: layer.attentionOutput)
            if encoder.configuration.activation == .relu {
                fold(factors.removeValue(forKey: layer.output.name), from: layer.intermediate, into: layer.output)
            }
        }
        return factors
    }

    /// f_j for columns whose largest magnitudes are `inputs`; 1 where a column is always zero, or meets zeros alone.
    private static func factors(_ inputs: [Float], _ weights: [Tensor], alpha: Float) -> [Float] {
        var largest = [Float](repeating: 0, count: inputs.count)
        for weight in weights {
            weight.withUnsafeBufferPointer { values in
                for (index, value) in values.enumerated() {
                    let column = index % inputs.count
                    largest[column] = max(largest[column], abs(value))
                }
            }
        }
        return zip(inputs, largest).map { input, weight in
            let factor = pow(weight, 1 - alpha) / pow(input, alpha)
            // Beyond this, products would leave the range in which float32 is exact to 1e-7.
            return input > 0 && weight > 0 && factor.isFinite ? min(max(factor, 1e-4), 1e4) : 1
        }
    }

    /// Rows of `first` times the factors, columns of `second` divided by them.
    private static func fold(_ factors: [Float]?, from first: Linear, into second: Linear) {
        guard let factors, let bias = first.bias else { return }
        let width = first.weight.value.width
        first.weight.value = Tensor(
            first.weight.value.values.enumerated().map { $1 * factors[$0 / width] }, shape: first.weight.value.shape)
        bias.value = Tensor(zip(bias.value.values, factors).map { $0 * $1 }, shape: bias.value.shape)
        second.weight.value = second.weight.value.scalingColumns(by: factors.map { 1 / $0 })
    }
}

/// The largest magnitude of each column.
final class ColumnObserver: ActivationObserver {
    private(set) var largest: [Float] = []

    override func observe(_ values: UnsafeBufferPointer<Float>, width: Int) {
        if largest.isEmpty { largest = [Float](repeating: 0, count: width) }
        largest.withUnsafeMutableBufferPointer { largest in
            for start in stride(from: 0, to: values.count, by: width) {
                for column in 0..<width { largest[column] = max(largest[column], abs(values[start + column])) }
            }
        }
    }
}
