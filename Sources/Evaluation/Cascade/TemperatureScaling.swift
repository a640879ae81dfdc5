import Foundation

/// The temperature by which logits are divided so that probabilities are as honest as they can be (Guo et al. 2017, arXiv
/// 1706.04599): the one of the least negative log-likelihood on held-out rows.
public enum TemperatureScaling {
    /// Found by golden-section search over ln T in ±ln 100; the likelihood has one minimum in 1/T.
    ///
    /// - Parameters:
    ///   - logits: N × C, row-major, at least one row.
    ///   - labels: N true classes.
    public static func temperature(logits: [Float], labels: [Int], classes: Int) -> Double {
        precondition(
            !labels.isEmpty && logits.count == labels.count * classes, "\(logits.count) logits, \(labels.count) labels")
        func loss(_ logT: Double) -> Double {
            let scale = exp(-logT)
            var losses: [Double] = []
            losses.reserveCapacity(labels.count)
            for (row, label) in labels.enumerated() {
                let scores = logits[row * classes..<(row + 1) * classes].map { Double($0) * scale }
                let largest = scores.max()!
                losses.append(largest + log(scores.reduce(0) { $0 + exp($1 - largest) }) - scores[label])
            }
            // Summed in ascending order: the same bits whatever the order of the rows.
            return losses.sorted().reduce(0, +)
        }
        let ratio = (5.0.squareRoot() - 1) / 2
        var (low, high) = (-log(100.0), log(100.0))
        var (a, b) = (high - ratio * (high - low), low + ratio * (high - low))
        var (lossA, lossB) = (loss(a), loss(b))
        while high - low > 1e-6 {
            if lossA <= lossB {
                (high, b, lossB) = (b, a, lossA)
                a = high - ratio * (high - low)
                lossA = loss(a)
            } else {
                (low, a, lossA) = (a, b, lossB)
                b = low + ratio * (high - low)
                lossB = loss(b)
            }
        }
        return exp((low + high) / 2)
    }
}

/// How sure a model is of a row: larger is surer, 0…1.
public enum ConfidenceMeasure: String, Sendable, CaseIterable, Codable {
    case maxProbability = "max_probability"
    /// Of the likeliest class over the next.
    case margin
    /// 1 − entropy / log C.
    case entropy

    /// - Parameter probabilities: of one row, at least two classes.
    public func confidence(_ probabilities: [Double]) -> Double {
        switch self {
        case .maxProbability: return probabilities.max() ?? 0
        case .margin:
            let sorted = probabilities.sorted(by: >)
            return sorted[0] - sorted[1]
        case .entropy:
            let entropy = probabilities.reduce(0) { $1 > 0 ? $0 - $1 * log($1) : $0 }
            return min(1, max(0, 1 - entropy / log(Double(probabilities.count))))
        }
    }
}
