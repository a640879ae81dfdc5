import CKernels

/// L = Σ_n f_n(z_n) over the rows z_n of x · Wᵀ, which exist for a block of rows at a time.
///
/// x: [N, C], W: [V, C]. The block's gradients dz replace its logits at once, while they are in the cache, and are kept as
/// packed rows: ∂L/∂x = dz · W, ∂L/∂W = dzᵀ · x. With a vocabulary of 50,000 this saves all passes over [N, V] but one.
private struct RowwiseLoss: DifferentiableOperation {
    let x: Variable
    let weight: Variable
    let dlogits: ProductRows

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        let (width, factor) = (x.value.width, gradient.scalar)
        if x.needsGradient {
            var dx = Tensor(uninitialized: x.shape)
            MatrixProduct.multiply(
                dlogits, weight.forms.panels(of: weight.value, dlogits.precision), into: dx.mutablePointer,
                stride: width)
            gradients.add(dx.scaled(by: factor), to: x)
        }
        if weight.needsGradient {
            let panels =
                factor == 1
                ? x.forms.panels(of: x.value, dlogits.precision)
                : ProductPanels(x.value.scaled(by: factor), dlogits.precision)
            gradients.accumulate(into: weight.slot) { dw, accumulate in
                for start in stride(from: 0, to: weight.shape[0], by: Self.blockColumns) {
                    let columns = start..<min(start + Self.blockColumns, weight.shape[0])
                    let rows = Profile.measure(.gemm) { ProductRows(transposing: columns, of: dlogits) }
                    MatrixProduct.multiply(
                        rows, panels, into: dw + start * width, stride: width, accumulate: accumulate)
                }
            }
        }
    }

    /// Columns of dz that are transposed at a time.
    private static let blockColumns = 4096
}

extension Tape {
    /// The sum of a loss over the rows of x · weightᵀ, without holding them all: x: [N, C], weight: [V, C] → [1].
    ///
    /// - Parameter loss: given a row's number and its V logits, returns its loss and overwrites the logits with the loss's
    ///   gradient. Called once per row, from several threads at once.
    public func rowwiseLoss(
        _ x: Variable, weight: Variable, loss: (Int, UnsafeMutableBufferPointer<Float>) -> Double
    ) -> Variable {
        let (rows, vocabulary) = (x.value.rows, weight.shape[0])
        precondition(
            weight.shape.count == 2 && x.value.width == weight.shape[1],
            "rowwiseLoss: input \(x.shape) does not fit weight \(weight.shape)")
        let needsGradient = isRecording && (x.needsGradient || weight.needsGradient)
        let left = x.forms.rows(of: x.value, precision)
        let panels = weight.forms.transposedPanels(of: weight.value, precision)
        let dlogits = needsGradient ? ProductRows(empty: rows, vocabulary, precision) : nil
        let block = max(1, min(rows, max(16, (1 << 23) / max(vocabulary, 1) / 16 * 16)))
        var logits = Tensor(uninitialized: [block, vocabulary])
        defer { withExtendedLifetime(logits) {} }
        let memory = logits.mutablePointer
        var sum = 0.0
        for start in stride(from: 0, to: rows, by: block) {
            let range = start..<min(start + block, rows)
            MatrixProduct.multiply(left.part(range), panels, into: memory, stride: vocabulary)
            Profile.measure(.loss) {
                let losses = Threads.map(range.count) { row in
                    let z = UnsafeMutableBufferPointer(start: memory + row * vocabulary, count: vocabulary)
                    let value = loss(start + row, z)
                    dlogits?.pack(start + row..<start + row + 1, from: z.baseAddress!, stride: vocabulary)
                    return value
                }
                sum = losses.reduce(sum, +)
            }
        }
        return record(Tensor([Float(sum)], shape: [1]), from: x, weight) {
            RowwiseLoss(x: x, weight: weight, dlogits: dlogits!)
        }
    }
}
