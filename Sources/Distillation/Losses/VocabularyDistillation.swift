import Foundation
public import Tensors

/// A teacher's most likely tokens at each position, exact at any temperature (see `VocabularyDistillation`).
public struct SparseTargets: Sendable {
    /// Tokens kept per position (k).
    public let k: Int
    /// [N × k]; no id twice at a position.
    public let ids: [Int32]
    /// log p at T = 1: [N × k].
    public let logProbabilities: [Float]
    /// c_T = log Σ_{j in V} p_j^(1/T): [N].
    public let logNormalizers: [Float]

    public init(k: Int, ids: [Int32], logProbabilities: [Float], logNormalizers: [Float]) {
        precondition(
            ids.count == logNormalizers.count * k && logProbabilities.count == ids.count,
            "SparseTargets: \(ids.count) ids, \(logProbabilities.count) log-probabilities, \(logNormalizers.count) positions"
        )
        self.k = k
        self.ids = ids
        self.logProbabilities = logProbabilities
        self.logNormalizers = logNormalizers
    }
}

/// a_ce · CE + a_kl · T² · KL over the vocabulary at one position, with the teacher known on K alone.
///
/// log p_i(T) = l_i/T − c_T, r = 1 − Σ_K p_i; log q_i = u_i − LSE(u) with u = z/T, Q = 1 − Σ_K q_i over the full vocabulary:
/// KL = Σ_K p_i (log p_i − log q_i) + r (log r − log Q), everything outside K in one bucket. The student is never
/// renormalised over K. ∂(T²·KL)/∂z_j = T·(q_j − p_j) in K and T·q_j·(1 − r/Q) otherwise.
private struct VocabularyDistillation {
    let labels: [Int32]
    let teacher: SparseTargets
    let weights: (crossEntropy: Float, kl: Float)
    let temperature: Double
    let normalizer: Double

    /// The smallest Q: a student that leaves less than this to the rest gets no larger a gradient.
    private static let smallestTail = 1e-8

    /// The terms at position `row`, before their weights; the logits become the weighted gradient.
    func evaluate(_ row: Int, _ z: UnsafeMutableBufferPointer<Float>) -> (crossEntropy: Double, kl: Double) {
        let k = teacher.k
        let ids = teacher.ids[row * k..<(row + 1) * k]
        let label = Int(labels[row])
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
        let logP = (0..<k).map {
            Double(teacher.logProbabilities[row * k + $0]) / temperature - Double(teacher.logNormalizers[row])
        }
        let logQ = kept.map { ($0 - maximum) / temperature - log(sumAtTemperature) }
        // 0 · log 0 = 0: a token that the teacher excludes adds nothing.
        var divergence = zip(logP, logQ).reduce(0.0) { $1.0 == -.infinity ? $0 : $0 + exp($1.0) * ($1.0 - $1.1) }
        let r = max(0, 1 - logP.reduce(0) { $0 + exp($1) })
        let tail = max(Self.smallestTail, rest.sumAtTemperature / sumAtTemperature)
        if r > 0 { divergence += r * (log(r) - log(tail)) }

        let (ceScale, klScale) = (Double(weights.crossEntropy) / normalizer, Double(weights.kl) / normalizer)
        let slope = klScale * temperature
        z.combineExponentials(
            rest, one: ceScale / sum, atTemperature: slope * (1 - r / tail) / sumAtTemperature)
        for (index, id) in ids.enumerated() {
            let softmax = exp(kept[index] - maximum) / sum
            z[Int(id)] = Float(ceScale * softmax + slope * (exp(logQ[index]) - exp(logP[index])))
        }
        z[label] -= Float(ceScale)
        return (crossEntropy / normalizer, divergence * temperature * temperature / normalizer)
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
    ///   - labels: the token that each position predicts: [N].
    ///   - normalizer: the number of valid positions in the whole optimizer step (N).
    /// - Returns: the weighted loss, and its terms before their weights (T² included).
    public func vocabularyDistillation(
        _ hidden: Variable, table: Variable, labels: [Int32], teacher: SparseTargets,
        weights: (crossEntropy: Float, kl: Float), temperature: Float, normalizer: Int
    ) -> (loss: Variable, crossEntropy: Float, kl: Float) {
        let (positions, vocabulary) = (hidden.value.rows, table.shape[0])
        precondition(
            labels.count == positions && teacher.logNormalizers.count == positions && temperature > 0,
            "vocabularyDistillation: \(labels.count) labels, \(teacher.logNormalizers.count) targets, \(hidden.shape)")
        precondition(
            (labels + teacher.ids).allSatisfy { $0 >= 0 && $0 < vocabulary },
            "vocabularyDistillation: an id is outside of the vocabulary of \(vocabulary)")
        let loss = VocabularyDistillation(
            labels: labels, teacher: teacher, weights: weights, temperature: Double(temperature),
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
