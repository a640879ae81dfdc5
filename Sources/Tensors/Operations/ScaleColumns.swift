/// y = x ⊙ f, f: [C] fixed and the same for every row; ∂L/∂x = ∂L/∂y ⊙ f.
private struct ScaleColumns: DifferentiableOperation {
    let x: GradientSlot
    let factors: [Float]

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        gradients.add(gradient.scalingColumns(by: factors), to: x)
    }
}

extension Tape {
    /// x: [N, C] with column j multiplied by factors[j].
    public func scaleColumns(_ x: Variable, by factors: [Float]) -> Variable {
        record(x.value.scalingColumns(by: factors), from: x) { ScaleColumns(x: x.slot, factors: factors) }
    }

    /// The positive steps θ ⊙ base of grids whose learned part is θ, near 1: [R].
    ///
    /// Optimizers that divide by the gradient's size move every parameter at the same speed, whatever its own size is;
    /// steps are far smaller than weights, so what is learned is the factor.
    public func steps(_ factors: Variable, of base: [Float]) -> Variable {
        let positive = factors.value.values.map { max($0, 1e-3) }
        let held = factors.value.values.map { $0 > 1e-3 ? Float(1) : 0 }
        let y = Tensor(zip(positive, base).map { $0 * $1 }, shape: factors.shape)
        return record(y, from: factors) { ScaleColumns(x: factors.slot, factors: zip(held, base).map { $0 * $1 }) }
    }
}

extension Tensor {
    /// x: [N, C] with column j multiplied by factors[j].
    public func scalingColumns(by factors: [Float]) -> Tensor {
        precondition(factors.count == width, "Tensor.scalingColumns: \(factors.count) factors for \(shape)")
        var y = Tensor(uninitialized: shape)
        let (width, destination) = (width, y.mutablePointer)
        Threads.forEachChunk(of: rows, grain: max(1, (1 << 15) / max(width, 1))) { range in
            factors.withUnsafeBufferPointer { factors in
                for row in range {
                    for j in 0..<width { destination[row * width + j] = pointer[row * width + j] * factors[j] }
                }
            }
        }
        return y
    }
}
