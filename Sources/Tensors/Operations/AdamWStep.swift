import CKernels
import Foundation

extension Tensor {
    /// One step of AdamW on this weight, in place (the formula stands at `AdamW` in Layers). All shapes are equal.
    public mutating func applyAdamW(
        gradient: Tensor, first: inout Tensor, second: inout Tensor, gradientScale: Float, learningRate: Float,
        beta1: Float, beta2: Float, epsilon: Float, weightDecay: Float, step: Int
    ) {
        precondition(
            gradient.shape == shape && first.shape == shape && second.shape == shape,
            "AdamW: gradient \(gradient.shape), moments \(first.shape) and \(second.shape) for \(shape)")
        let (weights, m, v) = (mutablePointer, first.mutablePointer, second.mutablePointer)
        let correction1 = Float(1 / (1 - pow(Double(beta1), Double(step))))
        let correction2 = Float(1 / (1 - pow(Double(beta2), Double(step))))
        Threads.forEachChunk(of: count, grain: 1 << 15) { range in
            let start = range.lowerBound
            kernels.adamw(
                weights + start, gradient.pointer + start, m + start, v + start, range.count, gradientScale,
                learningRate, beta1, beta2, epsilon, weightDecay, correction1, correction2)
        }
    }
}
