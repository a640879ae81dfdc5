import Foundation

/// What one model said about each row.
public struct Predictions: Sendable {
    /// N.
    public let rows: Int
    /// C.
    public let classes: Int
    /// Whether more is known than the labels.
    public var hasProbabilities: Bool { rows == 0 || !logProbabilities.isEmpty }
    /// N × C natural logarithms of the class probabilities, in Double; empty where only the labels are known.
    public let logProbabilities: [Double]
    /// The most probable class of each row; of equal ones the first, as NumPy's `argmax`, if none was named.
    public let labels: [Int]

    init(rows: Int, classes: Int, logProbabilities: [Double], labels: [Int]) {
        self.rows = rows
        self.classes = classes
        self.logProbabilities = logProbabilities
        self.labels = labels
    }

    /// Labels of which no probability is known.
    public init(labels: [Int], classes: Int) {
        rows = labels.count
        self.classes = classes
        logProbabilities = []
        self.labels = labels
    }

    /// Softmax over each row of `logits`.
    ///
    /// - Parameters:
    ///   - logits: N × C, row-major, finite.
    ///   - classes: C, at least 1.
    ///   - chosen: the class that each row's answer names; nil takes the most probable one.
    public init(logits: [Float], classes: Int, labels chosen: [Int]? = nil) {
        precondition(
            classes > 0 && logits.count.isMultiple(of: classes),
            "\(logits.count) logits do not divide into rows of \(classes) classes")
        let rows = logits.count / classes
        precondition(chosen.map { $0.count == rows } ?? true, "\(chosen?.count ?? 0) labels of \(rows) rows")
        var logProbabilities = [Double](repeating: 0, count: logits.count)
        var labels = [Int](repeating: 0, count: rows)
        logits.withUnsafeBufferPointer { logits in
            logProbabilities.withUnsafeMutableBufferPointer { output in
                for row in 0..<rows {
                    let start = row * classes
                    var best = 0
                    for c in 1..<max(classes, 1) where logits[start + c] > logits[start + best] { best = c }
                    let largest = Double(logits[start + best])
                    var sum = 0.0
                    for c in 0..<classes { sum += exp(Double(logits[start + c]) - largest) }
                    let normalizer = largest + log(sum)
                    for c in 0..<classes { output[start + c] = Double(logits[start + c]) - normalizer }
                    labels[row] = best
                }
            }
        }
        self.rows = rows
        self.classes = classes
        self.logProbabilities = logProbabilities
        self.labels = chosen ?? labels
    }

    public func logProbability(row: Int, class c: Int) -> Double {
        logProbabilities[row * classes + c]
    }

    /// The probability of each class of a row: [C].
    public func probabilities(row: Int) -> [Double] {
        logProbabilities[row * classes..<(row + 1) * classes].map { exp($0) }
    }

    /// The probability of the predicted class of each row.
    public var confidences: [Double] {
        labels.indices.map { exp(logProbability(row: $0, class: labels[$0])) }
    }

    /// KL(self ‖ other) of each row in nats: Σ_c p_c (log p_c − log q_c).
    public func divergences(to other: Predictions) -> [Double] {
        precondition(
            rows == other.rows && classes == other.classes,
            "\(rows) × \(classes) against \(other.rows) × \(other.classes)")
        return (0..<rows).map { row in
            var sum = 0.0
            for i in row * classes..<(row + 1) * classes {
                let p = logProbabilities[i]
                sum += exp(p) * (p - other.logProbabilities[i])
            }
            // Rounding can leave −1e-17 for equal rows; a divergence is not negative.
            return max(0, sum)
        }
    }
}
