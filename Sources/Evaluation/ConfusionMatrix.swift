/// How often each true class was given each label.
public struct ConfusionMatrix: Sendable, Equatable {
    /// C.
    public let classes: Int
    /// C × C, row-major: row is the true class, column the predicted one.
    public let counts: [Int]

    /// - Parameters:
    ///   - predicted: One class per row, each in `0..<classes`.
    ///   - labels: The true classes, in the same order.
    public init(predicted: [Int], labels: [Int], classes: Int) {
        precondition(predicted.count == labels.count, "\(predicted.count) predictions for \(labels.count) labels")
        var counts = [Int](repeating: 0, count: classes * classes)
        for (label, prediction) in zip(labels, predicted) { counts[label * classes + prediction] += 1 }
        self.classes = classes
        self.counts = counts
    }

    public subscript(label: Int, prediction: Int) -> Int {
        counts[label * classes + prediction]
    }

    public var total: Int { counts.reduce(0, +) }

    /// Rows whose label was predicted.
    public var correct: Int { (0..<classes).reduce(0) { $0 + self[$1, $1] } }

    /// Rows whose true class is `label`.
    public func support(_ label: Int) -> Int { (0..<classes).reduce(0) { $0 + self[label, $1] } }

    /// Rows that were given the class `prediction`.
    public func predicted(_ prediction: Int) -> Int { (0..<classes).reduce(0) { $0 + self[$1, prediction] } }

    /// Precision, recall and F1 of every class; a division by zero gives 0, as in scikit-learn with `zero_division=0`.
    public var perClass: [ClassScore] {
        (0..<classes).map { c in
            let hits = Double(self[c, c])
            let given = predicted(c)
            let support = support(c)
            return ClassScore(
                precision: given == 0 ? 0 : hits / Double(given), recall: support == 0 ? 0 : hits / Double(support),
                f1: given + support == 0 ? 0 : 2 * hits / Double(given + support), support: support)
        }
    }

    /// The mean F1 over the classes that occur among the labels or the predictions: scikit-learn's default.
    public var macroF1: Double {
        let scores = perClass
        let occurring = scores.indices.filter { support($0) + predicted($0) > 0 }
        return occurring.isEmpty ? 0 : occurring.reduce(0) { $0 + scores[$1].f1 } / Double(occurring.count)
    }

    /// Matthews' correlation of labels and predictions, −1…1, 0 if either is constant.
    ///
    /// For more than two classes the R_K of Gorodkin 2004 (Comput. Biol. Chem. 28:367), as in scikit-learn.
    public var matthews: Double {
        // Products of counts stay exact in Double below 2^53, that is up to 94 million rows.
        let n = Double(total)
        let label = (0..<classes).map { Double(support($0)) }
        let given = (0..<classes).map { Double(predicted($0)) }
        let covariance = Double(correct) * n - zip(label, given).reduce(0) { $0 + $1.0 * $1.1 }
        let labelSpread = n * n - label.reduce(0) { $0 + $1 * $1 }
        let givenSpread = n * n - given.reduce(0) { $0 + $1 * $1 }
        guard labelSpread > 0, givenSpread > 0 else { return 0 }
        return covariance / (labelSpread * givenSpread).squareRoot()
    }
}

/// How well one class was found.
public struct ClassScore: Sendable, Equatable, Codable {
    /// Of the rows given this class, the share that are of it.
    public var precision: Double
    /// Of the rows of this class, the share that were given it.
    public var recall: Double
    /// The harmonic mean of precision and recall.
    public var f1: Double
    /// Rows of this class.
    public var support: Int
}
