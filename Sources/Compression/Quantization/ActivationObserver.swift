import Layers
import Tensors

/// Stands at a layer's input and looks at what passes; the layer computes as without it.
class ActivationObserver: LinearQuantization {
    /// Whether a NaN or an infinity passed.
    private(set) var sawNonFinite = false

    final func input(_ x: Variable, on tape: Tape) -> Variable {
        if x.value.isFinite {
            x.value.withUnsafeBufferPointer(observe)
        } else {
            sawNonFinite = true
        }
        return x
    }

    final func weight(_ weight: Variable, on tape: Tape) -> Variable { weight }

    /// Takes in the finite values of one batch, at least one.
    func observe(_ values: UnsafeBufferPointer<Float>) {}
}

/// Smallest and largest value, over all batches or as a moving average of the batches' extremes.
final class ExtremesObserver: ActivationObserver {
    private let decay: Float?
    private(set) var range: ClosedRange<Float>?

    /// - Parameter decay: the weight of the past in the moving average; nil takes the extremes of all batches.
    init(decay: Float?) {
        self.decay = decay
    }

    override func observe(_ values: UnsafeBufferPointer<Float>) {
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

/// Counts values in equal bins between two known extremes, to find percentiles.
final class HistogramObserver: ActivationObserver {
    /// A bin is 1/32 of a step of the widest 8-bit grid over the range.
    private static let bins = 255 * 32

    private let range: ClosedRange<Float>
    private let binWidth: Float
    private var counts = [Int](repeating: 0, count: bins)

    /// - Parameter range: holds every value that will pass; wider than zero.
    init(range: ClosedRange<Float>) {
        self.range = range
        binWidth = range.upperBound / Float(Self.bins) - range.lowerBound / Float(Self.bins)
    }

    override func observe(_ values: UnsafeBufferPointer<Float>) {
        let (low, width, last) = (range.lowerBound, binWidth, Float(Self.bins - 1))
        counts.withUnsafeMutableBufferPointer { counts in
            for value in values { counts[Int(max(0, min((value - low) / width, last)))] += 1 }
        }
    }

    /// The range without the share (1 − `share`) / 2 of the values at each end, to the width of a bin.
    func holding(_ share: Double) -> ClosedRange<Float> {
        let cut = Int((Double(counts.reduce(0, +)) * (1 - share) / 2).rounded(.down))
        func binsCut(_ counts: some Sequence<Int>) -> Int {
            var left = cut
            return counts.prefix { count in
                left -= count
                return left >= 0
            }.count
        }
        let low = range.lowerBound + Float(binsCut(counts)) * binWidth
        let high = range.upperBound - Float(binsCut(counts.reversed())) * binWidth
        return min(low, high)...max(low, high)
    }
}
