import CKernels

extension Tensor {
    /// Moves a running average towards a value, in place: a ← a + share · (x − a). Both shapes are equal.
    public mutating func approach(_ x: Tensor, share: Float) {
        precondition(shape == x.shape, "Tensor.approach: \(shape) and \(x.shape)")
        let average = mutablePointer
        Threads.forEachChunk(of: count, grain: 1 << 16) { range in
            kernels.approach(average + range.lowerBound, x.pointer + range.lowerBound, range.count, share)
        }
    }
}
