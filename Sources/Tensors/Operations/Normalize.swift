/// y = x / r per row, r = max(‖x‖₂, 10⁻¹²), as `torch.nn.functional.normalize` has it.
///
/// x: [B, C]. ∂L/∂x = (g − y · ⟨g, y⟩) / r where ‖x‖₂ > 10⁻¹², else g / r.
private struct Normalize: DifferentiableOperation {
    let x: GradientSlot
    let y: Tensor
    /// r of each row.
    let norms: [Float]

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        var dx = Tensor(uninitialized: y.shape)
        let (width, output, incoming, destination) = (y.width, y.pointer, gradient.pointer, dx.mutablePointer)
        for (row, norm) in norms.enumerated() {
            let start = row * width
            var product = 0.0
            if norm > smallestNorm {
                for i in start..<start + width { product += Double(incoming[i]) * Double(output[i]) }
            }
            for i in start..<start + width { destination[i] = (incoming[i] - Float(product) * output[i]) / norm }
        }
        gradients.add(dx, to: x)
    }
}

private let smallestNorm: Float = 1e-12

extension Tape {
    /// Each row divided by its Euclidean norm: x: [B, C] → [B, C]. Meant for small tensors such as sentence embeddings.
    public func normalize(_ x: Variable) -> Variable {
        var y = Tensor(uninitialized: x.shape)
        let (width, source, destination) = (x.value.width, x.value.pointer, y.mutablePointer)
        let norms = (0..<x.value.rows).map { row in
            let start = row * width
            var square = 0.0
            for i in start..<start + width { square += Double(source[i]) * Double(source[i]) }
            let norm = max(Float(square.squareRoot()), smallestNorm)
            for i in start..<start + width { destination[i] = source[i] / norm }
            return norm
        }
        return record(y, from: x) { Normalize(x: x.slot, y: y, norms: norms) }
    }
}
