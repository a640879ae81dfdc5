import Layers
import Tensors

/// Stands at a layer's input and looks at what passes; the layer computes as without it.
class ActivationObserver: LinearQuantization {
    /// Whether a NaN or an infinity passed.
    private(set) var sawNonFinite = false

    /// What multiplies the columns of the input before it is looked at (`Smoothing`).
    var factors: [Float]?

    final func input(_ x: Variable, on tape: Tape) -> Variable {
        if x.value.isFinite {
            let seen = factors.map { x.value.scalingColumns(by: $0) } ?? x.value
            seen.withUnsafeBufferPointer { observe($0, width: seen.width) }
        } else {
            sawNonFinite = true
        }
        return x
    }

    final func weight(_ weight: Variable, on tape: Tape) -> Variable { weight }

    /// Takes in the finite values of one batch, at least one: [N, C], C being `width`.
    func observe(_ values: UnsafeBufferPointer<Float>, width: Int) {}
}

/// Smallest and largest value, over all batches or as a moving average of the batches' extremes.
final class ExtremesObserver: ActivationObserver {
    private let decay: Float?
    private(set) var range: ClosedRange<Float>?

    /// - Parameter decay: the weight of the past in the moving average; nil takes the extremes of all batches.
    init(decay: Float?) {
        self.decay = decay
    }

    override func observe(_ values: UnsafeBufferPointer<Float>, width: Int) {
        var (low, high) = (values[0], values[0])
        for value in values {
            low = min(low, value)
            high = max(high, value)
        }
        guard let range else {
            self.range = low...high
            return
        }
        if let decay {
            low = decay * range.lowerBound + (1 - decay) * low
            high = decay * range.upperBound + (1 - decay) * high
        } else {
            low = min(low, range.lowerBound)
            high = max(high, range.upperBound)
        }
        self.range = low...high
    }
}
