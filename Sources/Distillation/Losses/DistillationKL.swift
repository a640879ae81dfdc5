import Foundation
public import Tensors

/// The distillation term: L = T² · Σ_rows KL(p_T ‖ q_T) / N with p_T = softmax(z_t / T), q_T = softmax(z_s / T)
/// (Hinton, Vinyals, Dean 2015, arXiv 1503.02531). ∂L/∂z_s = T² / T · (q_T − p_T) / N.
///
/// T² keeps the gradient's scale independent of T; `temperatureSquared: false` leaves it out.
private struct DistillationKL: DifferentiableOperation {
    let logits: Variable
    let teacher: [Double]
    let student: [Double]
    let scale: Double

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        let factor = Double(gradient.scalar) * scale
        let values = zip(student, teacher).map { Float(($0 - $1) * factor) }
        gradients.add(Tensor(values, shape: logits.shape), to: logits)
    }
}

extension Tape {
    /// T² · Σ KL(teacher ‖ student) / normalizer over the rows; both distributions at temperature T.
    ///
    /// - Parameters:
    ///   - teacher: the teacher's log-probabilities at T = 1: [B, C]. Logits do as well: softmax ignores a shift.
    ///   - normalizer: the number of valid positions in the whole optimizer step (N).
    public func distillationKL(
        _ logits: Variable, teacher: Tensor, temperature: Double, temperatureSquared: Bool, normalizer: Int
    ) -> Variable {
        precondition(
            teacher.shape == logits.shape && temperature > 0,
            "distillationKL: teacher \(teacher.shape), student \(logits.shape), temperature \(temperature)")
        let p = logSoftmax(teacher, temperature: temperature)
        let q = logSoftmax(logits.value, temperature: temperature)
        let factor = (temperatureSquared ? temperature * temperature : 1) / Double(normalizer)
        // 0 · log 0 = 0: a class that the teacher excludes adds nothing, where the plain product would give NaN.
        let sum = zip(p, q).reduce(0.0) { $1.0 == -.infinity ? $0 : $0 + exp($1.0) * ($1.0 - $1.1) }
        return record(Tensor([Float(sum * factor)], shape: [1]), from: logits) {
            DistillationKL(
                logits: logits, teacher: p.map { exp($0) }, student: q.map { exp($0) }, scale: factor / temperature)
        }
    }
}
