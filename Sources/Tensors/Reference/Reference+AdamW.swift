import Foundation

extension Reference {
    /// A weight and its moments.
    public struct AdamWState: Equatable, Sendable {
        public var weight: Double
        public var first: Double
        public var second: Double

        public init(weight: Double, first: Double = 0, second: Double = 0) {
            self.weight = weight
            self.first = first
            self.second = second
        }
    }

    /// Step t of AdamW on one weight (Loshchilov, Hutter 2019, arXiv 1711.05101):
    /// m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g², w ← w − η (m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε) + λw).
    public static func adamW(
        _ state: AdamWState, gradient g: Double, step: Int, learningRate: Double, beta1: Double = 0.9,
        beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double
    ) -> AdamWState {
        let first = beta1 * state.first + (1 - beta1) * g
        let second = beta2 * state.second + (1 - beta2) * g * g
        let direction =
            first / (1 - pow(beta1, Double(step)))
            / ((second / (1 - pow(beta2, Double(step)))).squareRoot() + epsilon)
        return AdamWState(
            weight: state.weight - learningRate * (direction + weightDecay * state.weight), first: first,
            second: second)
    }
}
