import Foundation
public import Tensors

/// a_ce · CE + a_kl · T² · D over the vocabulary at one position, with the teacher known on K alone.
///
/// log p_i(T) = l_i/T − c_T, r = 1 − Σ_K p_i; log q_i = u_i − LSE(u) with u = z/T, Q = 1 − Σ_K q_i over the full vocabulary:
/// D is taken over K and one bucket for everything else, with r and Q as its probabilities; KL, for one, is
/// Σ_K p_i (log p_i − log q_i) + r (log r − log Q). The student is never renormalised over K. With w of `Divergence` and
/// g = ∂D/∂Q: ∂(T²·D)/∂z_j = T·(w_j − q_j·Σw) in K and T·q_j·(g − Σw) otherwise; for KL T·(q_j − p_j) and T·q_j·(1 − r/Q).
/// With k = V there is no bucket, and it is the dense loss.
private struct VocabularyDistillation {
    let labels: [Int32]
    let teacher: SparseTargets
    let weights: (crossEntropy: Float, kl: Float)
    let divergence: Divergence
    let temperature: Double
    /// What D is multiplied by: T², or 1.
    let factor: Double
    let normalizer: Double

    /// The terms at position `row`, before their weights; the logits become the weighted gradient.
    func evaluate(_ row: Int, _ z: UnsafeMutableBufferPointer<Float>) -> (crossEntropy: Double, kl: Double) {
        let label = Int(labels[row])
        guard label >= 0 else {
            z.update(repeating: 0)
            return (0, 0)
        }
        // A silent position has no ids, and D is 0.
        let isSilent = teacher.isSilent(row)
        let k = isSilent ? 0 : teacher.k
        let ids = teacher.ids[row * teacher.k..<row * teacher.k + k]
        let labelLogit = Double(z[label])
        let kept = ids.map { Double(z[Int($0)]) }
        // The sums run over the tokens outside K alone, so that the student's tail mass Q is not a difference of large
        // numbers.
        for id in ids { z[Int(id)] = -.infinity }
        let rest = z.replaceByExponentials(temperature: temperature, atLeast: kept.max())
        let maximum = rest.maximum
        let sum = kept.reduce(rest.sum) { $0 + exp($1 - maximum) }
        let sumAtTemperature = kept.reduce(rest.sumAtTemperature) { $0 + exp(($1 - maximum) / temperature) }

        let crossEntropy = maximum + log(sum) - labelLogit
        let logP = isSilent ? [] : teacher.logProbabilities(row, temperature: temperature)
        let logSum = log(sumAtTemperature)
        let logQ = kept.map { ($0 - maximum) / temperature - logSum }
        let q = logQ.map { exp($0) }
        var (value, total, r, bucket) = (0.0, 0.0, 1.0, 0.0)
        let slopes = (0..<k).map { index in
            let p = exp(logP[index])
            let term = divergence.term(p: p, logP: logP[index], q: q[index], logQ: logQ[index])
            value += term.value
            total += term.slope
            r -= p
            return term.slope
        }
        if !isSilent, k < z.count {
            let tail = divergence.tail(r: r, q: rest.sumAtTemperature / sumAtTemperature)
            value += tail.value
            total += tail.slope
            bucket = tail.gradient
        }

        let (ceScale, klScale) = (Double(weights.crossEntropy) / normalizer, Double(weights.kl) / normalizer)
        let slope = klScale * factor / temperature
        z.combineExponentials(
            rest, one: ceScale / sum, atTemperature: slope * (bucket - total) / sumAtTemperature)
        for (index, id) in ids.enumerated() {
            let softmax = exp(kept[index] - maximum) / sum
            z[Int(id)] = Float(ceScale * softmax + slope * (slopes[index] - q[index] * total))
        }
        z[label] -= Float(ceScale)
        return (crossEntropy / normalizer, value * factor / normalizer)
    }
}

extension Tape {
    /// The combined loss of a language model's last hidden states against labels and a sparse teacher.
    ///
    /// The logits hidden · tableᵀ exist for a block of positions at a time.
    ///
    /// - Parameters:
    ///   - hidden: [N, C].
    ///   - table: the output embedding: [V, C].
    ///   - labels: the token that each position predicts: [N]; negative where it predicts nothing, which costs nothing.
    ///   - teacher: positions of which it knows nothing (every log-probability is −∞) cost the cross-entropy alone.
    ///   - normalizer: the number of valid positions in the whole optimizer step (N).
    /// - Returns: the weighted loss, and its terms before their weights (T² included).
    public func vocabularyDistillation(
        _ hidden: Variable, table: Variable, labels: [Int32], teacher: SparseTargets,
        weights: (crossEntropy: Float, kl: Float), temperature: Float, temperatureSquared: Bool = true,
        divergence: Divergence = .forwardKL, normalizer: Int
    ) -> (loss: Variable, crossEntropy: Float, kl: Float) {
        let (positions, vocabulary) = (hidden.value.rows, table.shape[0])
        precondition(
            labels.count == positions && teacher.logNormalizers.count == positions && temperature > 0,
            "vocabularyDistillation: \(labels.count) labels, \(teacher.logNormalizers.count) targets, \(hidden.shape)")
        precondition(
            labels.allSatisfy { $0 < vocabulary } && teacher.ids.allSatisfy { $0 >= 0 && $0 < vocabulary },
            "vocabularyDistillation: an id is outside of the vocabulary of \(vocabulary)")
        let loss = VocabularyDistillation(
            labels: labels, teacher: teacher, weights: weights, divergence: divergence,
            temperature: Double(temperature), factor: temperatureSquared ? Double(temperature * temperature) : 1,
            normalizer: Double(normalizer))
        var terms = [(crossEntropy: Double, kl: Double)](repeating: (0, 0), count: positions)
        let total = terms.withUnsafeMutableBufferPointer { terms in
            // Each position writes its own terms.
            nonisolated(unsafe) let terms = terms
            return rowwiseLoss(hidden, weight: table) { row, z in
                terms[row] = loss.evaluate(row, z)
                return Double(weights.crossEntropy) * terms[row].crossEntropy + Double(weights.kl) * terms[row].kl
            }
        }
        return (
            total, Float(terms.reduce(0) { $0 + $1.crossEntropy }), Float(terms.reduce(0) { $0 + $1.kl })
        )
    }
}
