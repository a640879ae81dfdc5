import CKernels
import Foundation

extension Tensor {
    /// One step of AdamW on this weight, in place (the formula stands at `AdamW` in Layers). All shapes are equal.
    public mutating func applyAdamW(
        gradient: GradientBuffer, first: inout Tensor, second: inout Tensor, gradientScale: Float, learningRate: Float,
        beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float, step: Int
    ) {
        precondition(
            gradient.shape == shape && first.shape == shape && second.shape == shape,
            "AdamW: gradient \(gradient.shape), moments \(first.shape) and \(second.shape) for \(shape)")
        let (weights, m, v) = (mutablePointer, first.mutablePointer, second.mutablePointer)
        let correction1 = Float(1 / (1 - pow(Double(beta1), Double(step))))
        let correction2 = Float(1 / (1 - pow(Double(beta2), Double(step))))
        func update(_ start: Int, _ count: Int, _ gradient: UnsafePointer<Float>) {
            kernels.adamw(
                weights + start, gradient, m + start, v + start, count, gradientScale, learningRate, beta1, beta2,
                epsilon, weightDecay, correction1, correction2)
        }
        guard let rows = gradient.rows else {
            let dense = gradient.value
            Threads.forEachChunk(of: count, grain: 1 << 15) { range in
                update(range.lowerBound, range.count, dense.pointer + range.lowerBound)
            }
            return
        }
        // The moments of rows without a gradient decay all the same.
        let zeros = Tensor(zeros: [width])
        Threads.forEachChunk(of: shape[0], grain: max(1, (1 << 15) / max(width, 1))) { range in
            for row in range { update(row * width, width, rows[row] ?? zeros.pointer) }
        }
    }
}
