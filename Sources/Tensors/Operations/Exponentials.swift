import CKernels
import Foundation

/// The numerators of softmax at T = 1 and at another temperature, summed over a row of logits.
public struct RowSoftmax: Sendable {
    /// What was subtracted from all logits.
    public let maximum: Double
    /// Σ exp(z − maximum).
    public let sum: Double
    /// Σ exp((z − maximum) / T).
    public let sumAtTemperature: Double
    fileprivate let temperature: Double
}

extension UnsafeMutableBufferPointer<Float> {
    /// Replaces a row of logits by e = exp((z − maximum) / T); where z is −∞, e is 0.
    ///
    /// - Parameter bound: stands for the maximum where every logit is −∞.
    public func replaceByExponentials(temperature: Double, atLeast bound: Double? = nil) -> RowSoftmax {
        var (maximum, sum, squares) = (Float(0), Float(0), Float(0))
        guard contains(where: { $0 > -.infinity || $0.isNaN }) else {
            update(repeating: 0)
            return RowSoftmax(maximum: bound ?? 0, sum: 0, sumAtTemperature: 0, temperature: temperature)
        }
        var plain = 0.0
        if temperature != 1 && temperature != 2 {
            // Only at T = 1 and T = 2 are the numerators at T = 1 powers of e that cost nothing.
            var copy = Tensor(uninitialized: [count])
            copy.mutablePointer.update(from: baseAddress!, count: count)
            kernels.exponentials(copy.mutablePointer, count, 1, &maximum, &sum, &squares)
            plain = Double(sum)
        }
        kernels.exponentials(baseAddress!, count, Float(1 / temperature), &maximum, &sum, &squares)
        if temperature == 1 { plain = Double(sum) }
        if temperature == 2 { plain = Double(squares) }
        return RowSoftmax(
            maximum: Double(maximum), sum: plain, sumAtTemperature: Double(sum), temperature: temperature)
    }

    /// Replaces e by one · e^T + atTemperature · e: a weighted sum of the numerators at both temperatures.
    public func combineExponentials(_ softmax: RowSoftmax, one: Double, atTemperature: Double) {
        switch softmax.temperature {
        case 1: kernels.quadratic(baseAddress!, count, 0, Float(one + atTemperature))
        case 2: kernels.quadratic(baseAddress!, count, Float(one), Float(atTemperature))
        default:
            for index in indices {
                let e = self[index]
                self[index] = Float(one) * pow(e, Float(softmax.temperature)) + Float(atTemperature) * e
            }
        }
    }
}
