import Foundation

extension KeptPredictions {
    /// Calls `body` with each kept outcome of a prediction and its log-probability.
    func forEachOutcome(of prediction: Int, _ body: (Int32, Double) -> Void) {
        for (place, index) in (prediction * kept..<(prediction + 1) * kept).enumerated() {
            body(ids?[index] ?? Int32(place), Double(logProbabilities[index]))
        }
    }

    /// 1 − Σ p over the kept outcomes.
    func tail(_ prediction: Int) -> Double {
        guard ids != nil else { return 0 }
        return max(
            0, 1 - logProbabilities[prediction * kept..<(prediction + 1) * kept].reduce(0) { $0 + exp(Double($1)) })
    }

    /// Whether a prediction says anything: see `SoftTargetFile`.
    func speaks(_ prediction: Int) -> Bool {
        logProbabilities[prediction * kept..<(prediction + 1) * kept].contains { $0 > -.infinity }
    }

    /// What each outcome that was left out has, if they share the tail evenly.
    func evenShare(_ prediction: Int) -> Double {
        outcomes > kept ? tail(prediction) / Double(outcomes - kept) : 0
    }

    /// −Σ p log p in nats, the tail being spread evenly, which is the most that it can be.
    func entropy(_ prediction: Int) -> Double {
        var sum = 0.0
        forEachOutcome(of: prediction) { _, value in sum -= value == -.infinity ? 0 : exp(value) * value }
        let share = evenShare(prediction)
        return share > 0 ? sum - tail(prediction) * log(share) : sum
    }
}
