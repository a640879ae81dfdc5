/// The quality of one model on labelled rows. No value depends on the order of the rows.
public struct ClassificationMetrics: Sendable, Equatable {
    /// Share of rows whose label was predicted, with its Wilson interval.
    public let accuracy: Estimate
    /// See `ConfusionMatrix.macroF1`.
    public let macroF1: Double
    /// See `ConfusionMatrix.matthews`.
    public let matthews: Double
    /// Expected calibration error over 15 equal-mass bins; see `Calibration`. Nil without probabilities.
    public var ece: Double? { calibration?.expectedError }
    /// Mean negative log-likelihood of the true class, in nats. Nil without probabilities.
    public let negativeLogLikelihood: Double?
    public let perClass: [ClassScore]
    public let confusion: ConfusionMatrix
    /// Nil without probabilities.
    public let calibration: Calibration?

    /// - Parameters:
    ///   - predictions: N rows, at least one.
    ///   - labels: N true classes.
    public init(_ predictions: Predictions, labels: [Int]) {
        precondition(
            predictions.rows == labels.count && !labels.isEmpty, "\(predictions.rows) rows, \(labels.count) labels")
        let confusion = ConfusionMatrix(predicted: predictions.labels, labels: labels, classes: predictions.classes)
        self.confusion = confusion
        accuracy = .wilson(successes: confusion.correct, trials: labels.count)
        macroF1 = confusion.macroF1
        matthews = confusion.matthews
        perClass = confusion.perClass
        guard predictions.hasProbabilities else {
            (calibration, negativeLogLikelihood) = (nil, nil)
            return
        }
        calibration = Calibration(
            confidences: predictions.confidences, correct: zip(predictions.labels, labels).map { $0 == $1 })
        // Summed in ascending order: the same bits whatever the order of the rows.
        let losses = labels.indices.map { -predictions.logProbability(row: $0, class: labels[$0]) }.sorted()
        negativeLogLikelihood = losses.reduce(0, +) / Double(losses.count)
    }
}
