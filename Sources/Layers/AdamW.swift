public import Tensors

/// AdamW: Adam with decoupled weight decay (Loshchilov, Hutter 2019, arXiv 1711.05101).
///
/// m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²,
/// w ← w − η (m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε) + λ w). No decay on biases and norms.
public final class AdamW {
    public let parameters: [Parameter]
    public let weightDecay: Float
    public let beta1: Float = 0.9
    public let beta2: Float = 0.999
    public let epsilon: Float = 1e-8
    /// Steps taken (t).
    public private(set) var step = 0
    /// Running means of the gradients (m) and of their squares (v), in the order of the parameters.
    public private(set) var firstMoments: [Tensor]
    public private(set) var secondMoments: [Tensor]

    public init(parameters: [Parameter], weightDecay: Float) {
        self.parameters = parameters
        self.weightDecay = weightDecay
        firstMoments = parameters.map { Tensor(zeros: $0.value.shape) }
        secondMoments = firstMoments.map { Tensor(zeros: $0.shape) }
    }

    /// Takes up the state of an earlier optimizer over the same parameters.
    public func restore(step: Int, firstMoments: [Tensor], secondMoments: [Tensor]) {
        precondition(
            firstMoments.count == parameters.count && secondMoments.count == parameters.count,
            "AdamW.restore: \(firstMoments.count) and \(secondMoments.count) moments for \(parameters.count) parameters"
        )
        self.step = step
        self.firstMoments = firstMoments
        self.secondMoments = secondMoments
    }

    /// √Σ g² over all parameters.
    public var gradientNorm: Double {
        parameters.reduce(0) { $0 + $1.gradient.sumOfSquares }.squareRoot()
    }

    /// Takes one step along the gradients times `gradientScale`, and clears them.
    public func update(learningRate: Float, gradientScale: Float = 1) {
        step += 1
        for (index, parameter) in parameters.enumerated() {
            parameter.value.applyAdamW(
                gradient: parameter.gradient, first: &firstMoments[index],
                second: &secondMoments[index],
                gradientScale: gradientScale, learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
                weightDecay: parameter.decays ? weightDecay : 0, step: step)
            parameter.gradient.clear()
        }
    }

    /// Clears all gradients without a step.
    public func clearGradients() {
        for parameter in parameters { parameter.gradient.clear() }
    }
}
