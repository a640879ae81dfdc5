import CKernels

/// y = x / √(mean(x²) + ε) · γ, per row (Zhang, Sennrich 2019, arXiv 1910.07467).
///
/// x: [N, C], γ: [C]. With r = 1 / √(mean(x²) + ε), h = x · r and d = g ⊙ γ:  ∂L/∂x = r · (d − h · mean(d ⊙ h)),
/// ∂L/∂γ = Σ_rows g ⊙ h.
private struct RMSNorm: DifferentiableOperation {
    let x: Variable
    let gamma: Variable
    let reciprocal: Tensor

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        let (rows, width) = (x.value.rows, x.value.width)
        var dx = Tensor(uninitialized: x.shape)
        // The partial sums of γ's gradient are of fixed ranges of rows, so that they do not depend on the threads.
        let parts = max(1, (rows + Self.rowsPerPart - 1) / Self.rowsPerPart)
        var partials = Tensor(zeros: [parts, width])
        defer { withExtendedLifetime(partials) {} }
        let (destination, sums) = (dx.mutablePointer, partials.mutablePointer)
        Profile.measure(.norms) {
            Threads.forEach(parts) { part in
                let first = part * Self.rowsPerPart
                let start = first * width
                kernels.rms_norm_backward(
                    x.value.pointer + start, gamma.value.pointer, gradient.pointer + start, reciprocal.pointer + first,
                    destination + start, sums + part * width, min(Self.rowsPerPart, rows - first), width)
            }
        }
        var dgamma = Tensor(zeros: gamma.shape)
        let total = dgamma.mutablePointer
        for part in 0..<parts { kernels.add_scaled(sums + part * width, 1, total, width) }
        gradients.add(dgamma, to: gamma)
        gradients.add(dx, to: x)
    }

    private static let rowsPerPart = 64
}

extension Tape {
    /// Root-mean-square normalization of each row of x: [N, C] with gamma: [C].
    public func rmsNorm(_ x: Variable, gamma: Variable, epsilon: Float) -> Variable {
        let (rows, width) = (x.value.rows, x.value.width)
        precondition(gamma.shape == [width], "rmsNorm: gamma \(gamma.shape) for input \(x.shape)")
        var y = Tensor(uninitialized: x.shape)
        var reciprocal = Tensor(uninitialized: [rows])
        let (output, reciprocals) = (y.mutablePointer, reciprocal.mutablePointer)
        Profile.measure(.norms) {
            Threads.forEachChunk(of: rows, grain: max(1, (1 << 14) / max(width, 1))) { range in
                let start = range.lowerBound * width
                kernels.rms_norm(
                    x.value.pointer + start, gamma.value.pointer, output + start, reciprocals + range.lowerBound,
                    range.count, width, epsilon)
            }
        }
        return record(y, from: x, gamma) { RMSNorm(x: x, gamma: gamma, reciprocal: reciprocal) }
    }
}
