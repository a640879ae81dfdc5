import CKernels

/// What follows a linear layer, fused with it.
public enum Activation: Sendable {
    /// GELU with the exact normal distribution function.
    case gelu
    /// GPT-2's approximation of it through tanh.
    case geluTanh
    /// max(x, 0).
    case relu

    /// The activation of every element.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        var y = Tensor(uninitialized: x.shape)
        let destination = y.mutablePointer
        Threads.forEachChunk(of: y.count, grain: 1 << 15) { range in
            apply(x.pointer + range.lowerBound, destination + range.lowerBound, range.count)
        }
        return y
    }

    func apply(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, _ count: Int) {
        switch self {
        case .gelu: kernels.gelu(x, y, count)
        case .geluTanh: kernels.gelu_tanh(x, y, count)
        case .relu: kernels.relu(x, y, count)
        }
    }

    func applyBackward(
        _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        switch self {
        case .gelu: kernels.gelu_backward(x, dy, dx, count)
        case .geluTanh: kernels.gelu_tanh_backward(x, dy, dx, count)
        case .relu: kernels.relu_backward(x, dy, dx, count)
        }
    }
}

/// y = f(x · Wᵀ + b), f the identity or an activation.
///
/// x: [N, I], W: [O, I] (as published weights are stored), b: [O] → [N, O].
/// With g the gradient before f:  ∂L/∂x = g · W,  ∂L/∂W = gᵀ · x,  ∂L/∂b = Σ_rows g.
/// Of x only its packed rows are kept, which other layers on the same x share.
private struct Linear: DifferentiableOperation {
    let x: GradientSlot
    let forms: PackedForms
    let input: Tensor?
    let weight: Variable
    let bias: GradientSlot?
    let activation: (kind: Activation, input: Tensor)?
    let precision: Precision

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        let packed = PackedGradient(
            gradient, before: activation, precision, asRows: x.needsGradient,
            transposed: weight.needsGradient || bias?.needsGradient == true)
        if let rows = packed.rows {
            let panels = weight.forms.panels(of: weight.value, precision)
            gradients.accumulate(into: x) { dx, accumulate in
                MatrixProduct.multiply(rows, panels, into: dx, stride: weight.shape[1], accumulate: accumulate)
            }
        }
        guard let transposed = packed.transposed else { return }
        if let bias { gradients.add(packed.sums, to: bias) }
        let panels = input.map { forms.panels(of: $0, precision) } ?? forms.panelsOfRows()
        gradients.accumulate(into: weight.slot) { dw, accumulate in
            MatrixProduct.multiply(transposed, panels, into: dw, stride: weight.shape[1], accumulate: accumulate)
        }
    }
}

/// A layer's incoming gradient g: [N, O], taken back through its activation and packed for both products of backward in
/// one pass, block of rows by block of rows, while each is in the cache.
private struct PackedGradient {
    /// g as a left operand, for ∂L/∂x.
    private(set) var rows: ProductRows?
    /// gᵀ as a left operand, for ∂L/∂W.
    private(set) var transposed: ProductRows?
    /// Σ_rows g, for ∂L/∂b.
    let sums: Tensor

    /// Rows of a block: a multiple of 32, to which transposed rows are padded.
    private static let blockRows = 32
    /// Blocks whose sums are added up in one place; fixed, so that the sums do not depend on the threads.
    private static let blocksPerPart = 4

    init(
        _ gradient: Tensor, before activation: (kind: Activation, input: Tensor)?, _ precision: Precision, asRows: Bool,
        transposed needsTransposed: Bool
    ) {
        let (count, width) = (gradient.rows, gradient.width)
        // Float32 rows are read where they lie, so g must exist as a whole.
        var whole = activation != nil && precision == .float32 ? Tensor(uninitialized: gradient.shape) : nil
        let destination = whole?.mutablePointer
        let rows = asRows && precision == .bfloat16 ? ProductRows(empty: count, width, precision) : nil
        let usesViews = precision.usesBLAS
        let transposed = needsTransposed && !usesViews ? ProductRows(empty: width, count, precision) : nil
        let blocks = (count + Self.blockRows - 1) / Self.blockRows
        let parts = (blocks + Self.blocksPerPart - 1) / Self.blocksPerPart
        var partial = Tensor(zeros: [parts, width])
        defer { withExtendedLifetime(partial) {} }
        let partials = partial.mutablePointer
        Profile.measure(.gemm) {
            Threads.forEach(parts) { part in
                var scratch: Tensor?
                for block in part * Self.blocksPerPart..<min((part + 1) * Self.blocksPerPart, blocks) {
                    let range = block * Self.blockRows..<min((block + 1) * Self.blockRows, count)
                    let start = range.lowerBound * width
                    var g = gradient.pointer + start
                    if let activation {
                        if destination == nil, scratch == nil {
                            scratch = Tensor(uninitialized: [Self.blockRows, width])
                        }
                        let before = destination.map { $0 + start } ?? scratch!.mutablePointer
                        Profile.measure(.activations, within: .gemm) {
                            activation.kind.applyBackward(
                                activation.input.pointer + start, g, before, range.count * width)
                        }
                        g = UnsafePointer(before)
                    }
                    rows?.pack(range, from: g, stride: width)
                    transposed?.packTransposed(range, from: g, stride: width, addingSumsTo: partials + part * width)
                    if usesViews, needsTransposed {
                        kernels.add_column_sums(g, partials + part * width, range.count, width)
                    }
                }
                withExtendedLifetime(scratch) {}
            }
        }
        var sums = Tensor(zeros: [width])
        let total = sums.mutablePointer
        for part in 0..<parts { kernels.add_scaled(partials + part * width, 1, total, width) }
        self.sums = sums
        let g = whole ?? gradient
        self.rows = asRows ? rows ?? ProductRows(g, precision) : nil
        self.transposed = needsTransposed ? transposed ?? ProductRows(viewingTransposed: g) : nil
    }
}

extension Tape {
    /// y = f(x · Wᵀ + b) with x: [N, I], weight: [O, I], bias: [O] → [N, O].
    public func linear(_ x: Variable, weight: Variable, bias: Variable?, activation: Activation? = nil) -> Variable {
        precondition(
            weight.shape.count == 2 && x.shape.last == weight.shape[1],
            "linear: input \(x.shape) does not fit weight \(weight.shape)")
        precondition(
            bias.map { $0.shape == [weight.shape[0]] } ?? true,
            "linear: bias \(bias!.shape) for weight \(weight.shape)")
        let (rows, output) = (x.shape.dropLast().reduce(1, *), weight.shape[0])
        let left = x.forms.rows(of: x.value, precision)
        let panels = weight.forms.transposedPanels(of: weight.value, precision)
        var sums = Tensor(uninitialized: [rows, output])
        let before = sums.mutablePointer
        guard let activation else {
            MatrixProduct.multiply(left, panels, into: before, stride: output, bias: bias?.value.pointer)
            return record(sums, from: x, weight, bias ?? x) {
                Linear(
                    x: x.slot, forms: x.forms, input: keptInput(x), weight: weight, bias: bias?.slot, activation: nil,
                    precision: precision)
            }
        }
        func operation() -> Linear {
            Linear(
                x: x.slot, forms: x.forms, input: keptInput(x), weight: weight, bias: bias?.slot,
                activation: (activation, sums), precision: precision)
        }
        guard precision == .bfloat16 else {
            var y = Tensor(uninitialized: [rows, output])
            let destination = y.mutablePointer
            MatrixProduct.multiply(left, panels, into: before, stride: output, bias: bias?.value.pointer) { range in
                let start = range.lowerBound * output
                Profile.measure(.activations, within: .gemm) {
                    activation.apply(before + start, destination + start, range.count * output)
                }
            }
            return record(y, from: x, weight, bias ?? x, operation: operation)
        }
        // The next layer is a linear one as well: its operand is packed while the rows are in the cache, and is all that
        // is kept of the activation.
        let packed = ProductRows(empty: rows, output, precision)
        MatrixProduct.multiply(left, panels, into: before, stride: output, bias: bias?.value.pointer) { range in
            var block = Tensor(uninitialized: [range.count, output])
            let y = block.mutablePointer
            Profile.measure(.activations, within: .gemm) {
                activation.apply(before + range.lowerBound * output, y, range.count * output)
            }
            packed.pack(range, from: y, stride: output)
        }
        return record(activation, of: sums, packed: packed, from: x, weight, bias ?? x, operation: operation)
    }

    /// x where its packed rows are no more than a view of it.
    private func keptInput(_ x: Variable) -> Tensor? {
        precision == .float32 ? x.value : nil
    }
}
