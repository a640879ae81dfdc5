import Foundation

/// Predictions as a file holds them: [P, k] with c_T: [P, temperatures].
struct KeptPredictions {
    let count: Int
    let outcomes: Int
    /// k.
    let kept: Int
    private(set) var logProbabilities: [Float]
    /// Nil where all outcomes are kept.
    private(set) var ids: [Int32]?
    /// As the log-probabilities are stored.
    private let element: TargetElement
    private let temperatures: [Double]
    /// c_T: [P, temperatures].
    let logNormalizers: [Double]?

    init(
        _ predictions: SoftTargetDescription.Predictions, logProbabilities: [Float], element: TargetElement,
        ids: [Int32]?,
        temperatures: [Double], logNormalizers: [Double]?
    ) {
        outcomes = predictions.outcomes
        kept = predictions.kept
        count = logProbabilities.count / predictions.kept
        self.logProbabilities = logProbabilities
        self.ids = ids
        self.element = element
        self.temperatures = temperatures
        self.logNormalizers = logNormalizers
    }

    mutating func append(_ other: KeptPredictions) {
        self = KeptPredictions(
            .init(scope: .row, outcomes: outcomes, kept: kept),
            logProbabilities: logProbabilities + other.logProbabilities, element: element,
            ids: ids.map { $0 + (other.ids ?? []) }, temperatures: temperatures,
            logNormalizers: logNormalizers.map { $0 + (other.logNormalizers ?? []) })
    }

    /// What is wrong with a prediction.
    struct Problem {
        let prediction: Int
        let field: String
        let text: String
        let remedy: String?
    }

    /// Probabilities sum to one as well as float32 can say; a rounded half is coarser.
    private static let tolerance = 2e-3

    /// The first prediction that is none.
    var problem: Problem? {
        for prediction in 0..<count {
            let range = prediction * kept..<(prediction + 1) * kept
            let sum = logProbabilities[range].reduce(0.0) { $0 + exp(Double($1)) }
            let isComplete = ids == nil
            guard sum <= 1 + Self.tolerance, sum >= (isComplete ? 1 - Self.tolerance : 0) else {
                return Problem(
                    prediction: prediction, field: SoftTargetFile.logProbabilities,
                    text: "the probabilities sum to \(sum), expected \(isComplete ? "1" : "at most 1")",
                    remedy: "write log softmax of the logits, at temperature 1")
            }
            if let ids {
                let own = ids[range]
                guard own.allSatisfy({ $0 >= 0 && $0 < outcomes }) else {
                    return Problem(
                        prediction: prediction, field: SoftTargetFile.ids,
                        text: "an id is outside of 0 to \(outcomes - 1)",
                        remedy: "targets and vocabulary do not belong together")
                }
                guard Set(own).count == kept else {
                    return Problem(
                        prediction: prediction, field: SoftTargetFile.ids, text: "an id stands there twice", remedy: nil
                    )
                }
            }
            if let logNormalizers {
                let own = logNormalizers[prediction * temperatures.count..<(prediction + 1) * temperatures.count]
                guard own.allSatisfy(\.isFinite) else {
                    return Problem(
                        prediction: prediction, field: SoftTargetFile.logNormalizers, text: "infinity or NaN",
                        remedy: nil)
                }
            }
        }
        return nil
    }

    /// c_T of each prediction: as recorded; 0 at T = 1; else, nothing being known of the tail but its mass r, as if it were spread
    /// evenly: log(Σ_K p^(1/T) + (V − k)^(1 − 1/T) · r^(1/T)). Nil where the file has an exact tail at other temperatures.
    func logNormalizers(at temperature: Double, uniformTail: Bool) -> [Double]? {
        if temperature == 1 { return [Double](repeating: 0, count: count) }
        if let column = temperatures.firstIndex(of: temperature), let logNormalizers {
            return (0..<count).map { logNormalizers[$0 * temperatures.count + column] }
        }
        guard ids == nil || uniformTail || temperatures.isEmpty else { return nil }
        return (0..<count).map { prediction in
            let own = logProbabilities[prediction * kept..<(prediction + 1) * kept].map(Double.init)
            return uniformTailNormalizer(
                own, precision: element.precision, outcomes: outcomes, temperature: temperature)
        }
    }
}

/// c_T for a teacher that gave only the log-probabilities of its likeliest outcomes, at T = 1.
///
/// A tail that rounding of the log-probabilities could have made, Σ p·|log p| · `precision`, counts as none: r^(1/T) over a large
/// vocabulary would make most of the teacher of it.
private func uniformTailNormalizer(
    _ logProbabilities: [Double], precision: Double, outcomes: Int, temperature: Double
) -> Double {
    let sum = logProbabilities.reduce(0) { $0 + exp($1) }
    let resolution = logProbabilities.reduce(0) { $1 > -.infinity ? $0 - exp($1) * $1 : $0 } * precision + 0x1p-50
    let rest = 1 - sum > resolution ? 1 - sum : 0
    let others = Double(outcomes - logProbabilities.count)
    let tail = others > 0 && rest > 0 ? exp((1 - 1 / temperature) * log(others) + log(rest) / temperature) : 0
    return log(logProbabilities.reduce(tail) { $0 + exp($1 / temperature) })
}

extension TargetElement {
    /// Twice the largest relative error of rounding.
    fileprivate var precision: Double {
        switch self {
        case .float32: 0x1p-23
        case .float16: 0x1p-10
        case .bfloat16: 0x1p-7
        }
    }
}
