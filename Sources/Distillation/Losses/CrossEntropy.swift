import Foundation
public import Tensors

/// Cross-entropy with class labels: L = Σ_rows −log softmax(z)[y] / N.
///
/// z: [B, C]. ∂L/∂z = (softmax(z) − onehot(y)) / N. Sums run in double precision.
private struct CrossEntropy: DifferentiableOperation {
    let logits: Variable
    let probabilities: [Double]
    let labels: [Int]
    let normalizer: Double

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        let scale = Double(gradient.scalar) / normalizer
        var values = probabilities
        for (row, label) in labels.enumerated() { values[row * logits.value.width + label] -= 1 }
        gradients.add(Tensor(values.map { Float($0 * scale) }, shape: logits.shape), to: logits)
    }
}

extension Tape {
    /// Σ −log softmax(logits)[label] / normalizer over the rows of logits: [B, C].
    ///
    /// - Parameter normalizer: the number of valid positions in the whole optimizer step (N), not of this call, so
    ///   that the gradient does not depend on how the batch was split.
    public func crossEntropy(_ logits: Variable, labels: [Int], normalizer: Int) -> Variable {
        let width = logits.value.width
        precondition(
            labels.count == logits.value.rows && labels.allSatisfy { (0..<width).contains($0) },
            "crossEntropy: \(labels.count) labels for logits \(logits.shape)")
        let logProbabilities = logSoftmax(logits.value, temperature: 1)
        let sum = labels.enumerated().reduce(0.0) { $0 - logProbabilities[$1.offset * width + $1.element] }
        let loss = Tensor([Float(sum / Double(normalizer))], shape: [1])
        return record(loss, from: logits) {
            CrossEntropy(
                logits: logits, probabilities: logProbabilities.map { exp($0) }, labels: labels,
                normalizer: Double(normalizer))
        }
    }
}
