import CKernels

/// y = SiLU(gate) ⊙ up, SiLU(x) = x · σ(x) (Shazeer 2020, arXiv 2002.05202).
///
/// With g the incoming gradient: ∂L/∂gate = g ⊙ up ⊙ (σ + gate · σ · (1 − σ)), ∂L/∂up = g ⊙ SiLU(gate).
private struct SwiGLU: DifferentiableOperation {
    let gate: Variable
    let up: Variable

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        var dgate = Tensor(uninitialized: gate.shape)
        var dup = Tensor(uninitialized: up.shape)
        let (first, second) = (dgate.mutablePointer, dup.mutablePointer)
        Profile.measure(.activations) {
            Threads.forEachChunk(of: gradient.count, grain: 1 << 15) { range in
                let start = range.lowerBound
                kernels.swiglu_backward(
                    gate.value.pointer + start, up.value.pointer + start, gradient.pointer + start, first + start,
                    second + start, range.count)
            }
        }
        gradients.add(dgate, to: gate)
        gradients.add(dup, to: up)
    }
}

extension Tape {
    /// SiLU(gate) ⊙ up of equal shapes.
    public func swiGLU(gate: Variable, up: Variable) -> Variable {
        precondition(gate.shape == up.shape, "swiGLU: \(gate.shape) and \(up.shape)")
        var y = Tensor(uninitialized: gate.shape)
        let destination = y.mutablePointer
        Profile.measure(.activations) {
            Threads.forEachChunk(of: y.count, grain: 1 << 15) { range in
                let start = range.lowerBound
                kernels.swiglu(
                    gate.value.pointer + start, up.value.pointer + start, destination + start, range.count)
            }
        }
        return record(y, from: gate, up) { SwiGLU(gate: gate, up: up) }
    }
}
