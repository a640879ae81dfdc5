public import Tensors

/// An exponential moving average of weights: a ← a + (1 − d) (w − a) after each step (Polyak, Juditsky 1992; in this form
/// Tarvainen, Valpola 2017, arXiv 1703.01780).
///
/// Early averages would be those of weights that have learned nothing, so the decay rises: after step t it is
/// d = min(decay, (1 + t) / (10 + t)), as TensorFlow's `ExponentialMovingAverage` has it.
public final class MovingAverage {
    public let parameters: [Parameter]
    public let decay: Float
    /// The averages, in the order of the parameters.
    public private(set) var values: [Tensor]

    /// - Parameter decay: in 0..<1; the larger, the longer the average remembers.
    public init(parameters: [Parameter], decay: Float) {
        precondition(decay >= 0 && decay < 1, "MovingAverage: decay \(decay)")
        self.parameters = parameters
        self.decay = decay
        values = parameters.map(\.value)
    }

    /// Takes the weights into the average.
    ///
    /// - Parameter step: the optimizer's steps that made them (t), from 1.
    public func update(step: Int) {
        let share = 1 - min(decay, Float(1 + step) / Float(10 + step))
        for (index, parameter) in parameters.enumerated() {
            values[index].approach(parameter.value, share: share)
        }
    }

    /// Takes up the averages of an earlier one over the same parameters.
    public func restore(_ values: [Tensor]) {
        precondition(
            values.map(\.shape) == parameters.map(\.value.shape), "MovingAverage.restore: averages of other parameters")
        self.values = values
    }

    /// Runs `body` with the averages in the place of the weights, which are put back afterwards.
    public func whileApplied<Result>(_ body: () throws -> Result) rethrows -> Result {
        let weights = parameters.map(\.value)
        defer { for (parameter, weight) in zip(parameters, weights) { parameter.value = weight } }
        for (parameter, value) in zip(parameters, values) { parameter.value = value }
        return try body()
    }
}
