import CKernels

/// y = LN(s) with s = residual + dropout(x): what closes each half of a post-norm encoder block.
///
/// x, residual: [N, C], γ, β: [C] → [N, C]. With d = ∂L/∂s of the layer norm: ∂L/∂residual = d, ∂L/∂x = dropout(d) with
/// the same mask, which is made again.
private struct AddNorm: DifferentiableOperation {
    let x: GradientSlot
    let residual: GradientSlot
    let mask: DropoutMask?
    let norm: RowNorm

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        let ds = Profile.measure(.norms) { norm.backward(gradient, &gradients) }
        gradients.add(ds, to: residual)
        gradients.add(mask.map { mask in Profile.measure(.norms) { mask.apply(to: ds) } } ?? ds, to: x)
    }
}

extension Tape {
    /// LN(residual + dropout(x)); x, residual: [N, C] → [N, C].
    ///
    /// - Parameters:
    ///   - dropout: probability of dropping an element of x; used only with `keys`.
    ///   - salt: tells apart the places of a model that use dropout.
    public func addNorm(
        _ x: Variable, residual: Variable, gamma: Variable, beta: Variable, epsilon: Float, dropout: Float = 0,
        keys: DropoutKeys? = nil, salt: UInt64 = 0
    ) -> Variable {
        precondition(x.shape == residual.shape, "addNorm: \(x.shape) and \(residual.shape)")
        let mask = DropoutMask(keys: keys, salt: salt, probability: dropout, rows: x.value.rows)
        let width = x.value.width
        return Profile.measure(.norms) {
            var sum = Tensor(uninitialized: x.shape)
            let s = sum.mutablePointer
            let (y, norm) = RowNorm.forward(sum, gamma: gamma, beta: beta, epsilon: epsilon) { range in
                let (start, count) = (range.lowerBound * width, range.count * width)
                if let mask {
                    mask.apply(to: x.value.pointer + start, into: s + start, rows: range, width: width)
                    kernels.add(s + start, residual.value.pointer + start, s + start, count)
                } else {
                    kernels.add(x.value.pointer + start, residual.value.pointer + start, s + start, count)
                }
            }
            return record(y, from: x, residual, gamma, beta) {
                AddNorm(x: x.slot, residual: residual.slot, mask: mask, norm: norm)
            }
        }
    }
}
