import Layers
import Tensors

/// Counts values in equal bins between two known extremes, to find percentiles, or the grid that loses least.
final class HistogramObserver: ActivationObserver {
    /// A bin is 1/32 of a step of the widest 8-bit grid over the range.
    static let bins = 255 * 32

    let range: ClosedRange<Float>
    let binWidth: Float
    private(set) var counts = [Int](repeating: 0, count: bins)

    /// - Parameter range: holds every value that will pass; wider than zero.
    init(range: ClosedRange<Float>) {
        self.range = range
        binWidth = range.upperBound / Float(Self.bins) - range.lowerBound / Float(Self.bins)
    }

    override func observe(_ values: UnsafeBufferPointer<Float>, width: Int) {
        let (low, step, last) = (range.lowerBound, binWidth, Float(Self.bins - 1))
        counts.withUnsafeMutableBufferPointer { counts in
            for value in values { counts[Int(max(0, min((value - low) / step, last)))] += 1 }
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
