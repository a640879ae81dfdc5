import Foundation
public import Tensors

/// The distillation term: L = T² · Σ_rows D(p_T, q_T) / N with p_T = softmax(z_t / T), q_T = softmax(z_s / T)
/// (Hinton, Vinyals, Dean 2015, arXiv 1503.02531). ∂L/∂z_s = T² / T · ∂D/∂u / N, for KL(p‖q) T · (q_T − p_T) / N.
///
/// T² keeps the gradient's scale independent of T; `temperatureSquared: false` leaves it out.
private struct DistillationKL: DifferentiableOperation {
    let logits: Variable
    /// ∂D/∂u: [B · C].
    let slopes: [Double]
    let scale: Double

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        let factor = Double(gradient.scalar) * scale
        gradients.add(Tensor(slopes.map { Float($0 * factor) }, shape: logits.shape), to: logits)
    }
}

extension Divergence {
    /// D over one row of classes and ∂D/∂u: [C]; from the log-probabilities of student and teacher.
    fileprivate func row(logQ: ArraySlice<Double>, logP: ArraySlice<Double>) -> (value: Double, slopes: [Double]) {
        let q = logQ.map { exp($0) }
        let terms = q.indices.map { id in
            let log = logP[logP.startIndex + id]
            return term(p: exp(log), logP: log, q: q[id], logQ: logQ[logQ.startIndex + id])
        }
        let total = terms.reduce(0) { $0 + $1.slope }
        return (terms.reduce(0) { $0 + $1.value }, q.indices.map { terms[$0].slope - q[$0] * total })
    }
}

extension Tape {
    /// T² · Σ D(teacher, student) / normalizer over the rows; both distributions at temperature T.
    ///
    /// - Parameters:
    ///   - teacher: the teacher's log-probabilities at T = 1: [B, C]. Logits do as well: softmax ignores a shift.
    ///   - normalizer: the number of valid positions in the whole optimizer step (N).
    public func distillationKL(
        _ logits: Variable, teacher: Tensor, temperature: Double, temperatureSquared: Bool,
        divergence: Divergence = .forwardKL, normalizer: Int
    ) -> Variable {
        precondition(
            teacher.shape == logits.shape && temperature > 0,
            "distillationKL: teacher \(teacher.shape), student \(logits.shape), temperature \(temperature)")
        let width = logits.value.width
        let (p, q) = (logSoftmax(teacher, temperature: temperature), logSoftmax(logits.value, temperature: temperature))
        let rows = stride(from: 0, to: q.count, by: width).map { start in
            divergence.row(logQ: q[start..<start + width], logP: p[start..<start + width])
        }
        let factor = (temperatureSquared ? temperature * temperature : 1) / Double(normalizer)
        let sum = rows.reduce(0.0) { $0 + $1.value }
        return record(Tensor([Float(sum * factor)], shape: [1]), from: logits) {
            DistillationKL(logits: logits, slopes: rows.flatMap(\.slopes), scale: factor / temperature)
        }
    }
}
