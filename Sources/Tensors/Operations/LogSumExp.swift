import CKernels
import Foundation

extension UnsafeBufferPointer<Float> {
    /// log Σ exp(z / T) over a row of logits; −∞ where every logit is, NaN where one is NaN.
    ///
    /// Exponentials are float32, summed over blocks; the blocks are summed in double precision, so that a vocabulary costs no
    /// more than a few units in the seventh digit.
    public func logSumExp(temperature: Double = 1) -> Double {
        let scale = 1 / temperature
        return withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.block) { scratch in
            var (maximum, sum) = (-Double.infinity, 0.0)
            for start in stride(from: 0, to: count, by: Self.block) {
                let part = UnsafeBufferPointer(rebasing: self[start..<Swift.min(start + Self.block, count)])
                guard part.contains(where: { $0 > -.infinity || $0.isNaN }) else { continue }
                scratch.baseAddress!.update(from: part.baseAddress!, count: part.count)
                var (largest, total, squares) = (Float(0), Float(0), Float(0))
                kernels.exponentials(scratch.baseAddress!, part.count, Float(scale), &largest, &total, &squares)
                let top = Double(largest)
                if top > maximum {
                    sum = sum * exp((maximum - top) * scale) + Double(total)
                    maximum = top
                } else {
                    sum += exp((top - maximum) * scale) * Double(total)
                }
            }
            return maximum * scale + log(sum)
        }
    }

    private static var block: Int { 1024 }
}
