import CKernels

/// y = x · Wᵀ + b.
///
/// x: [N, I], W: [O, I] (as published weights are stored), b: [O] → [N, O].
/// ∂L/∂x = g · W,  ∂L/∂W = gᵀ · x,  ∂L/∂b = Σ_rows g.
private struct Linear: DifferentiableOperation {
    let x: Variable
    let weight: Variable
    let bias: Variable?

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        let (rows, input, output) = (x.value.rows, weight.shape[1], weight.shape[0])
        if x.needsGradient {
            var dx = Tensor(uninitialized: x.shape)
            MatrixProduct.multiply(
                .init(pointer: gradient.pointer, stride: output), .init(pointer: weight.value.pointer, stride: input),
                into: dx.mutablePointer, stride: input, m: rows, n: input, k: output)
            gradients.add(dx, to: x)
        }
        if weight.needsGradient {
            var dw = Tensor(uninitialized: weight.shape)
            MatrixProduct.multiply(
                .init(pointer: gradient.pointer, transposed: true, stride: output),
                .init(pointer: x.value.pointer, stride: input),
                into: dw.mutablePointer, stride: input, m: output, n: input, k: rows)
            gradients.add(dw, to: weight)
        }
        if let bias, bias.needsGradient {
            var db = Tensor(zeros: bias.shape)
            kernels.add_column_sums(gradient.pointer, db.mutablePointer, rows, output)
            gradients.add(db, to: bias)
        }
    }
}

extension Tape {
    /// y = x · Wᵀ + b with x: [N, I], weight: [O, I], bias: [O] → [N, O].
    public func linear(_ x: Variable, weight: Variable, bias: Variable?) -> Variable {
        precondition(
            weight.shape.count == 2 && x.value.width == weight.shape[1],
            "linear: input \(x.shape) does not fit weight \(weight.shape)")
        let (rows, input, output) = (x.value.rows, weight.shape[1], weight.shape[0])
        var y = Tensor(uninitialized: [rows, output])
        let destination = y.mutablePointer
        if let bias {
            precondition(bias.shape == [output], "linear: bias \(bias.shape) for weight \(weight.shape)")
            kernels.broadcast_row(bias.value.pointer, destination, rows, output)
        }
        MatrixProduct.multiply(
            .init(pointer: x.value.pointer, stride: input),
            .init(pointer: weight.value.pointer, transposed: true, stride: input),
            into: destination, stride: output, m: rows, n: output, k: input, beta: bias == nil ? 0 : 1)
        return record(y, from: x, weight, bias ?? x) { Linear(x: x, weight: weight, bias: bias) }
    }
}
