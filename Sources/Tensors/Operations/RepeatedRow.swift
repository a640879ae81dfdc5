import CKernels

/// y[n] = x for every row n; ∂L/∂x = Σ_n ∂L/∂y[n].
private struct RepeatedRow: DifferentiableOperation {
    let x: GradientSlot

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        var sum = Tensor(zeros: x.shape)
        let (width, destination) = (gradient.width, sum.mutablePointer)
        for row in 0..<gradient.rows { kernels.add_scaled(gradient.pointer + row * width, 1, destination, width) }
        gradients.add(sum, to: x)
    }
}

extension Tape {
    /// The same row again and again: x: [C] → [rows, C]. What a linear layer without inputs gives.
    public func repeated(_ x: Variable, rows: Int) -> Variable {
        precondition(x.shape.count == 1 && rows >= 0, "repeated: \(x.shape) is not a vector, or \(rows) rows")
        let width = x.shape[0]
        var y = Tensor(uninitialized: [rows, width])
        let destination = y.mutablePointer
        for row in 0..<rows { (destination + row * width).update(from: x.value.pointer, count: width) }
        return record(y, from: x) { RepeatedRow(x: x.slot) }
    }
}
