import Tensors
import Testing

@Suite("Linear layers in bfloat16, and cut into parts")
struct PrecisionTests {
    private struct Pass {
        let y: Tensor
        /// Of x, the weight and the bias.
        let gradients: [[Float]]
    }

    private func run(
        _ precision: Precision, x: Tensor, weight: Tensor, bias: Tensor, seed: Tensor, activation: Activation? = nil
    ) -> Pass {
        let tape = Tape(precision: precision)
        let operands = [x, weight, bias]
        let buffers = operands.map { GradientBuffer(shape: $0.shape) }
        let leaves = zip(operands, buffers).map { tape.leaf($0, gradient: $1) }
        let y = tape.linear(leaves[0], weight: leaves[1], bias: leaves[2], activation: activation)
        tape.backward(from: y, seed: seed)
        return Pass(y: y.value, gradients: buffers.map(\.value.values))
    }

    /// Whether each element lies within `tolerance` of its own sum of magnitudes.
    private func agree(_ found: [Float], _ expected: [Double], _ magnitudes: [Double], _ tolerance: Double) -> Bool {
        found.count == expected.count
            && zip(found, zip(expected, magnitudes)).allSatisfy { abs(Double($0) - $1.0) <= tolerance * $1.1 }
    }

    private func magnitudes(_ values: [Double]) -> [Double] { values.map(abs) }

    private func transposed(_ values: [Double], width: Int) -> [Double] {
        Matrix(rows: values.count / width, columns: width, values: values.map { Float($0) }).transposed.values.doubles
    }

    private static let shapes = [(1, 1, 1), (3, 5, 4), (17, 33, 50), (70, 31, 129), (160, 130, 100)]

    /// What is left are sums in float32: see `ProductTests` for the tolerance.
    @Test(
        "In bfloat16 the operands of every product are rounded, and nothing else", arguments: shapes)
    func rounding(rows: Int, input: Int, output: Int) {
        let (x, weight, bias) = (tensor([rows, input], "x"), tensor([output, input], "w"), tensor([output], "b"))
        let seed = tensor([rows, output], "seed")
        let pass = run(.bfloat16, x: x, weight: weight, bias: bias, seed: seed)
        let (xs, ws, gs) = (
            x.values.map(Reference.bfloat16), weight.values.map(Reference.bfloat16),
            seed.values.map(Reference.bfloat16)
        )
        let (bs, exactGs) = (bias.values.doubles, seed.values.doubles)
        let tolerance = 16 * 0x1p-24
        #expect(
            agree(
                pass.y.values, Reference.linear(xs, weight: ws, bias: bs, input: input),
                Reference.linear(magnitudes(xs), weight: magnitudes(ws), bias: magnitudes(bs), input: input),
                tolerance), "forward")
        #expect(
            agree(
                pass.gradients[0], Reference.product(gs, ws, rows: rows, depth: output, width: input),
                Reference.product(magnitudes(gs), magnitudes(ws), rows: rows, depth: output, width: input), tolerance),
            "∂L/∂x")
        let columns = transposed(gs, width: output)
        #expect(
            agree(
                pass.gradients[1], Reference.product(columns, xs, rows: output, depth: rows, width: input),
                Reference.product(magnitudes(columns), magnitudes(xs), rows: output, depth: rows, width: input),
                tolerance), "∂L/∂W")
        let zeros = [Double](repeating: 0, count: output)
        #expect(
            agree(
                pass.gradients[2], Reference.addColumnSums(exactGs, to: zeros),
                Reference.addColumnSums(magnitudes(exactGs), to: zeros), tolerance), "∂L/∂b")
    }

    /// Rounding to 8 bits moves each factor of a product by at most 2⁻⁸ of itself, so each product by 2⁻⁷ and a little;
    /// the slope of GELU is at most 1.13, and its curvature, at most 0.8, meets a relative error of 2⁻⁷ of the sum S
    /// before it. So y moves by 1.13 · 2⁻⁷ · S, and g by 0.8 · 2⁻⁷ · S · |seed|.
    @Test(
        "In bfloat16 a layer with an activation stays as close to its formula as its operands",
        arguments: shapes, [Activation.gelu, .geluTanh])
    func activation(shape: (Int, Int, Int), activation: Activation) {
        let (rows, input, output) = shape
        // Divided so that S is near 1, as in a model.
        let scale = 1 / Float(input).squareRoot()
        let (x, bias) = (tensor([rows, input], "x"), tensor([output], "b"))
        let weight = Tensor(normals(output * input, "w").map { $0 * scale }, shape: [output, input])
        let seed = tensor([rows, output], "seed")
        let pass = run(.bfloat16, x: x, weight: weight, bias: bias, seed: seed, activation: activation)
        let (formula, slope) =
            switch activation {
            case .gelu: (Reference.gelu, Reference.geluDerivative)
            case .geluTanh: (Reference.geluTanh, Reference.geluTanhDerivative)
            case .relu: (Reference.relu, Reference.reluDerivative)
            }
        let (xs, ws, bs, seeds) = (x.values.doubles, weight.values.doubles, bias.values.doubles, seed.values.doubles)
        let before = Reference.linear(xs, weight: ws, bias: bs, input: input)
        let sizes = Reference.linear(magnitudes(xs), weight: magnitudes(ws), bias: magnitudes(bs), input: input)
        let rounding = 0x1.02p-7
        #expect(agree(pass.y.values, before.map(formula), sizes, 1.13 * rounding), "forward")

        let g = zip(before, seeds).map { slope($0) * $1 }
        // |g| · 2⁻⁷ for both roundings, and what the error of the forward sum does to g.
        let errors = zip(zip(g, seeds), sizes).map { abs($0.0) + 0.8 * $1 * abs($0.1) }
        #expect(
            agree(
                pass.gradients[0], Reference.product(g, ws, rows: rows, depth: output, width: input),
                Reference.product(errors, magnitudes(ws), rows: rows, depth: output, width: input), rounding), "∂L/∂x")
        #expect(
            agree(
                pass.gradients[1],
                Reference.product(transposed(g, width: output), xs, rows: output, depth: rows, width: input),
                Reference.product(
                    transposed(errors, width: output), magnitudes(xs), rows: output, depth: rows, width: input),
                rounding * 1.001), "∂L/∂W")
        let zeros = [Double](repeating: 0, count: output)
        #expect(
            agree(
                pass.gradients[2], Reference.addColumnSums(g, to: zeros), Reference.addColumnSums(errors, to: zeros),
                rounding), "∂L/∂b")
    }

    /// Integers up to 256 are exact in bfloat16, their sums here in float32.
    @Test("Small integers give the same in both precisions, exactly", arguments: shapes)
    func integers(rows: Int, input: Int, output: Int) {
        func integers(_ shape: [Int], _ name: String) -> Tensor {
            let key = RandomKey(12).mixed(name)
            return Tensor((0..<shape.reduce(1, *)).map { Float(key.bits($0) % 17) - 8 }, shape: shape)
        }
        let (x, weight) = (integers([rows, input], "x"), integers([output, input], "w"))
        let (bias, seed) = (integers([output], "b"), integers([rows, output], "seed"))
        let passes = Precision.allCases.map { run($0, x: x, weight: weight, bias: bias, seed: seed) }
        #expect(passes[0].y.values == passes[1].y.values)
        #expect(passes[0].gradients == passes[1].gradients)
    }

    @Test("Rows that a layer packs for the next one are those of its output", arguments: Precision.allCases)
    func packedOnTheWay(precision: Precision) {
        let (x, first, second) = (tensor([70, 33], "x"), tensor([50, 33], "v"), tensor([20, 50], "w"))
        func run(_ between: (Variable) -> Variable) -> (y: [Float], gradient: [Float]) {
            let (tape, buffer) = (Tape(precision: precision), GradientBuffer(shape: second.shape))
            let middle = between(
                tape.linear(
                    Variable(constant: x), weight: Variable(constant: first), bias: nil, activation: .gelu))
            let y = tape.linear(middle, weight: tape.leaf(second, gradient: buffer), bias: nil)
            tape.backward(from: y, seed: tensor(y.shape, "seed"))
            return (y.value.values, buffer.value.values)
        }
        let (direct, copied) = (run { $0 }, run { Variable(constant: $0.value) })
        #expect(direct.y == copied.y && direct.gradient == copied.gradient)
    }

    @Test("Layers that share an input share nothing else", arguments: Precision.allCases)
    func sharedInput(precision: Precision) {
        let x = tensor([40, 33], "x")
        let weights = ["q", "k"].map { tensor([50, 33], $0) }
        func run(shared: Bool) -> [[Float]] {
            let (tape, buffers) = (Tape(precision: precision), weights.map { GradientBuffer(shape: $0.shape) })
            let common = Variable(constant: x)
            let outputs = zip(weights, buffers).map { weight, buffer in
                tape.linear(
                    shared ? common : Variable(constant: x), weight: tape.leaf(weight, gradient: buffer), bias: nil)
            }
            tape.backward(from: tape.add(outputs[0], tape.gelu(outputs[1])), seed: tensor([40, 50], "seed"))
            return outputs.map(\.value.values) + buffers.map(\.value.values)
        }
        #expect(run(shared: true) == run(shared: false))
    }

    // MARK: Parts

    /// OpenBLAS makes no promise about the order of its sums.
    private static let own = Precision.allCases.filter { !$0.instructions.hasPrefix("OpenBLAS") }

    private func rows(_ x: Tensor, _ range: Range<Int>) -> Tensor {
        Tensor(
            Array(x.values[range.lowerBound * x.width..<range.upperBound * x.width]), shape: [range.count, x.width])
    }

    private func ranges(of count: Int, by size: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: size).map { $0..<min($0 + size, count) }
    }

    @Test("A layer that is split by rows computes what its blocks of rows do alone", arguments: own)
    func splitByRows(precision: Precision) {
        let (x, weight, bias) = (tensor([300, 64], "x"), tensor([500, 64], "w"), tensor([500], "b"))
        for activation in [nil, .gelu, .geluTanh] as [Activation?] {
            func linear(_ x: Tensor) -> [Float] {
                Tape(recording: false, precision: precision).linear(
                    Variable(constant: x), weight: Variable(constant: weight), bias: Variable(constant: bias),
                    activation: activation
                ).value.values
            }
            let whole = linear(x)
            for size in [1, 47, 50] {
                let parts = ranges(of: 300, by: size).flatMap { linear(rows(x, $0)) }
                #expect(parts == whole, "blocks of \(size) rows, \(String(describing: activation))")
            }
        }
    }

    @Test(
        "Few rows, of which the threads share columns, give what each row alone gives, and so does the next layer",
        arguments: own)
    func fewRows(precision: Precision) {
        for activation in [nil, .gelu] as [Activation?] {
            let (first, second) = (tensor([512, 256], "w"), tensor([64, 512], "v"))
            func twoLayers(_ x: Tensor) -> [Float] {
                let tape = Tape(recording: false, precision: precision)
                let y = tape.linear(
                    Variable(constant: x), weight: Variable(constant: first), bias: nil, activation: activation)
                return tape.linear(y, weight: Variable(constant: second), bias: nil).value.values
            }
            let x = tensor([20, 256], "x")
            #expect(ranges(of: 20, by: 1).flatMap { twoLayers(rows(x, $0)) } == twoLayers(x))
        }
    }

    @Test("A layer that is split by columns computes what its blocks of columns do alone", arguments: own)
    func splitByColumns(precision: Precision) {
        let (x, weight) = (tensor([40, 130], "x"), tensor([420, 130], "w"))
        func linear(_ weight: Tensor) -> Matrix {
            let y = Tape(recording: false, precision: precision).linear(
                Variable(constant: x), weight: Variable(constant: weight), bias: nil)
            return Matrix(rows: 40, columns: weight.shape[0], values: y.value.values).transposed
        }
        let whole = linear(weight).values
        for size in [60, 100] {
            #expect(ranges(of: 420, by: size).flatMap { linear(rows(weight, $0)).values } == whole)
        }
    }

    @Test("The instructions of a precision are those of a table of products, or OpenBLAS")
    func instructions() {
        let names = ProductLevel.all.map(\.name)
        #expect(names.contains(Precision.bfloat16.instructions))
        let float32 = Precision.float32.instructions
        #expect(names.contains(float32) || float32 == "OpenBLAS \(MatrixProduct.coreName)")
    }

    @Test("An activation that exists packed alone gives its value to any operation, and always the same")
    func deferredActivation() {
        let (x, weight) = (tensor([40, 64], "x"), tensor([2048, 64], "w"))
        let tape = Tape(precision: .bfloat16)
        let leaf = tape.leaf(x, gradient: GradientBuffer(shape: x.shape))
        let y = tape.linear(leaf, weight: Variable(constant: weight), bias: nil, activation: .gelu)
        let plain = tape.gelu(tape.linear(leaf, weight: Variable(constant: weight), bias: nil)).value.values
        #expect(y.value.values == plain)
        // Large enough to be split, so that several threads ask for the value.
        #expect(tape.add(y, y).value.values == plain.map { 2 * $0 })
    }
}
