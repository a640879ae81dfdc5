import CKernels

/// y = (x − mean(x)) / √(var(x) + ε) · γ + β, per row (Ba, Kiros, Hinton 2016, arXiv 1607.06450).
///
/// x: [N, C], γ, β: [C]. With h = (x − mean)/σ and d = g ⊙ γ:  ∂L/∂x = (d − mean(d) − h · mean(d ⊙ h)) / σ,
/// ∂L/∂γ = Σ_rows g ⊙ h,  ∂L/∂β = Σ_rows g.
struct RowNorm {
    private let x: Tensor
    private let gamma: Variable
    private let beta: Variable
    private let mean: Tensor
    private let reciprocalDeviation: Tensor

    /// - Parameter prepare: fills rows of x just before they are read, while they are in the cache.
    static func forward(
        _ x: Tensor, gamma: Variable, beta: Variable, epsilon: Float, prepare: ((Range<Int>) -> Void)? = nil
    ) -> (Tensor, RowNorm) {
        let (rows, width) = (x.rows, x.width)
        precondition(
            gamma.shape == [width] && beta.shape == [width],
            "layerNorm: gamma \(gamma.shape), beta \(beta.shape) for input \(x.shape)")
        var y = Tensor(uninitialized: x.shape)
        var mean = Tensor(uninitialized: [rows])
        var deviation = Tensor(uninitialized: [rows])
        let (output, means, deviations) = (y.mutablePointer, mean.mutablePointer, deviation.mutablePointer)
        Threads.forEachChunk(of: rows, grain: max(1, (1 << 14) / max(width, 1))) { range in
            for start in stride(from: range.lowerBound, to: range.upperBound, by: blockRows) {
                let block = start..<min(start + blockRows, range.upperBound)
                prepare?(block)
                kernels.layer_norm(
                    x.pointer + start * width, gamma.value.pointer, beta.value.pointer, output + start * width,
                    means + start, deviations + start, block.count, width, epsilon)
            }
        }
        return (y, RowNorm(x: x, gamma: gamma, beta: beta, mean: mean, reciprocalDeviation: deviation))
    }

    private static let blockRows = 16

    /// Adds γ's and β's gradients and returns ∂L/∂x.
    func backward(_ gradient: Tensor, _ gradients: inout Gradients) -> Tensor {
        let (rows, width) = (x.rows, x.width)
        var dx = Tensor(uninitialized: x.shape)
        // Each chunk sums γ's and β's gradients for itself; the partial sums are then added in the order of the chunks.
        let parts = max(1, min(Threads.count, rows / 64))
        var partials = Tensor(zeros: [parts, 2, width])
        defer { withExtendedLifetime(partials) {} }
        let (destination, sums) = (dx.mutablePointer, partials.mutablePointer)
        Threads.forEach(parts) { part in
            let range = Threads.chunk(part, of: rows, parts: parts)
            let start = range.lowerBound
            kernels.layer_norm_backward(
                x.pointer + start * width, gamma.value.pointer, gradient.pointer + start * width,
                mean.pointer + start, reciprocalDeviation.pointer + start, destination + start * width,
                sums + part * 2 * width, sums + (part * 2 + 1) * width, range.count, width)
        }
        var dgamma = Tensor(zeros: gamma.shape)
        var dbeta = Tensor(zeros: beta.shape)
        for part in 0..<parts {
            kernels.add_scaled(sums + part * 2 * width, 1, dgamma.mutablePointer, width)
            kernels.add_scaled(sums + (part * 2 + 1) * width, 1, dbeta.mutablePointer, width)
        }
        gradients.add(dgamma, to: gamma)
        gradients.add(dbeta, to: beta)
        return dx
    }
}

private struct LayerNorm: DifferentiableOperation {
    let x: GradientSlot
    let norm: RowNorm

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        gradients.add(Profile.measure(.norms) { norm.backward(gradient, &gradients) }, to: x)
    }
}

extension Tape {
    /// Layer normalization of each row of x: [N, C] with gamma, beta: [C].
    public func layerNorm(_ x: Variable, gamma: Variable, beta: Variable, epsilon: Float) -> Variable {
        let (y, norm) = Profile.measure(.norms) {
            RowNorm.forward(x.value, gamma: gamma, beta: beta, epsilon: epsilon)
        }
        return record(y, from: x, gamma, beta) { LayerNorm(x: x.slot, norm: norm) }
    }
}
