/// A float32 weight packed once for products that several threads make with it: x: [N, I] → x · Wᵀ + b: [N, O].
public struct PackedFloatWeight: Sendable {
    private let panels: ProductPanels
    private let bias: Tensor

    /// - Parameters:
    ///   - weight: [O, I].
    ///   - bias: [O].
    public init(_ weight: Tensor, bias: Tensor) {
        precondition(
            weight.shape.count == 2 && bias.shape == [weight.shape[0]],
            "PackedFloatWeight: bias \(bias.shape) for \(weight.shape)")
        panels = ProductPanels(transposing: weight, .float32)
        self.bias = bias
    }

    public func multiply(_ x: Tensor) -> Tensor {
        var y = Tensor(uninitialized: [x.rows, panels.width])
        MatrixProduct.multiply(
            ProductRows(x, .float32), panels, into: y.mutablePointer, stride: panels.width, bias: bias.pointer)
        return y
    }
}
