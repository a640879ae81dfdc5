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
    /// D over one row of classes and ∂D/∂u: [C].
    ///
    /// - Parameters:
    ///   - logQ: the student's log-probabilities of all classes.
    ///   - kept: the classes that the teacher names, with its log-probabilities. The others are one bucket, which has the
    ///     rest of its probability; the student's is never renormalised over the named ones.
    fileprivate func row(
        logQ: ArraySlice<Double>, kept: some Sequence<(id: Int, logP: Double)>
    ) -> (value: Double, slopes: [Double]) {
        let q = logQ.map { exp($0) }
        var slopes = [Double?](repeating: nil, count: q.count)
        var (value, total, r) = (0.0, 0.0, 1.0)
        for (id, logP) in kept {
            let p = exp(logP)
            let term = term(p: p, logP: logP, q: q[id], logQ: logQ[logQ.startIndex + id])
            value += term.value
            total += term.slope
            slopes[id] = term.slope
            r -= p
        }
        let rest = q.indices.reduce(0.0) { slopes[$1] == nil ? $0 + q[$1] : $0 }
        var bucket = 0.0
        if slopes.contains(nil) {
            let tail = tail(r: r, q: rest)
            value += tail.value
            total += tail.slope
            bucket = tail.gradient
        }
        return (value, q.indices.map { (slopes[$0] ?? q[$0] * bucket) - q[$0] * total })
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
        let (p, width) = (logSoftmax(teacher, temperature: temperature), teacher.width)
        let factor = (temperatureSquared ? temperature * temperature : 1) / Double(normalizer)
        return distillationKL(logits, temperature: temperature, factor: factor) { row, logQ in
            divergence.row(logQ: logQ, kept: (0..<width).lazy.map { (id: $0, logP: p[row * width + $0]) })
        }
    }

    /// The same where the teacher names k of the C classes per example, exact in the probability of all others; with k = C
    /// it is the dense loss.
    ///
    /// - Parameter teacher: [B × k], with c_T at the same temperature.
    public func distillationKL(
        _ logits: Variable, teacher: SparseTargets, temperature: Double, temperatureSquared: Bool,
        divergence: Divergence = .forwardKL, normalizer: Int
    ) -> Variable {
        let (k, width) = (teacher.k, logits.value.width)
        precondition(
            teacher.logNormalizers.count == logits.value.rows && temperature > 0
                && teacher.ids.allSatisfy { (0..<Int32(width)).contains($0) },
            "distillationKL: \(teacher.logNormalizers.count) targets, student \(logits.shape), temperature \(temperature)"
        )
        let factor = (temperatureSquared ? temperature * temperature : 1) / Double(normalizer)
        return distillationKL(logits, temperature: temperature, factor: factor) { row, logQ in
            let logP = teacher.logProbabilities(row, temperature: temperature)
            return divergence.row(
                logQ: logQ, kept: (0..<k).lazy.map { (id: Int(teacher.ids[row * k + $0]), logP: logP[$0]) })
        }
    }

    private func distillationKL(
        _ logits: Variable, temperature: Double, factor: Double,
        row: (Int, ArraySlice<Double>) -> (value: Double, slopes: [Double])
    ) -> Variable {
        let (q, width) = (logSoftmax(logits.value, temperature: temperature), logits.value.width)
        let rows = (0..<logits.value.rows).map { row($0, q[$0 * width..<($0 + 1) * width]) }
        let sum = rows.reduce(0.0) { $0 + $1.value }
        return record(Tensor([Float(sum * factor)], shape: [1]), from: logits) {
            DistillationKL(logits: logits, slopes: rows.flatMap(\.slopes), scale: factor / temperature)
        }
    }
}
