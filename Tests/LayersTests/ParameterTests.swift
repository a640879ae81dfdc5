import Layers
import Tensors
import Testing

@Suite("Parameters")
struct ParameterTests {
    @Test("are counted over a module and carry the published names")
    func counts() {
        let linear = Linear(name: "a.dense", input: 5, output: 3, deviation: 0.1, key: RandomKey(1))
        #expect(linear.parameterCount == 3 * 5 + 3)
        #expect(linear.parameters.map(\.name) == ["a.dense.weight", "a.dense.bias"])
        #expect(linear.name == "a.dense")
        #expect(LayerNorm(name: "n", width: 7, epsilon: 1e-5).parameterCount == 14)
        #expect(Embedding(name: "e", count: 4, width: 6, deviation: 0.1, key: RandomKey(1)).parameterCount == 24)
    }

    /// Products read float weights where they lie without AVX-512; `make test` runs this at AVX2 too.
    @Test("are changed where they lie, though a product has read them")
    func inPlace() {
        let linear = Linear(name: "a", input: 64, output: 64, deviation: 0.1, key: RandomKey(1))
        let tape = Tape(recording: true)
        _ = linear(Variable(constant: Tensor(repeating: 1, shape: [2, 64])), on: tape)
        let weight = linear.parameters[0]
        func place(_ tensor: inout Tensor) -> UnsafeMutablePointer<Float>? {
            tensor.withUnsafeMutableBufferPointer { $0.baseAddress }
        }
        let before = place(&weight.value)
        _ = linear(Variable(constant: Tensor(repeating: 1, shape: [2, 64])), on: Tape(recording: false))
        #expect(place(&weight.value) == before)
    }

    @Test("decay when they are matrices, and not when they are biases or norms")
    func decay() {
        let linear = Linear(name: "a", input: 2, output: 2, deviation: 0.1, key: RandomKey(1))
        #expect(linear.parameters.map(\.decays) == [true, false])
        #expect(LayerNorm(name: "n", width: 2, epsilon: 1e-5).parameters.map(\.decays) == [false, false])
        #expect(Embedding(name: "e", count: 2, width: 2, deviation: 0, key: RandomKey(1)).table.decays)
    }

    @Test("start from numbers that depend on the key and the name alone")
    func initialization() {
        func values(_ name: String, _ seed: UInt64) -> [Float] {
            Parameter.normal(name: name, shape: [40, 50], deviation: 0.5, key: RandomKey(seed)).value.values
        }
        #expect(values("a", 1) == values("a", 1))
        #expect(values("a", 1) != values("b", 1))
        #expect(values("a", 1) != values("a", 2))
        let drawn = values("a", 1).map(Double.init)
        let mean = drawn.reduce(0, +) / 2000
        let deviation = (drawn.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2000).squareRoot()
        // Five standard errors of 2,000 draws.
        #expect(abs(mean) < 5 * 0.5 / 2000.0.squareRoot())
        #expect(abs(deviation - 0.5) < 5 * 0.5 / 4000.0.squareRoot())
    }

    @Test("of a linear layer give x · Wᵀ + b")
    func linear() {
        let layer = Linear(
            weight: Parameter(name: "l.weight", value: Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]), decays: true),
            bias: Parameter(name: "l.bias", value: Tensor([10, 20], shape: [2]), decays: false))
        let y = layer(Variable(constant: Tensor([1, 0, -1, 2, 1, 0], shape: [2, 3])), on: Tape())
        #expect(y.value.values == [8, 18, 14, 33])
    }

    /// A weight's packed forms are kept from pass to pass.
    @Test("that change are packed again for the next pass, forward and backward", arguments: Precision.allCases)
    func changedWeight(precision: Precision) {
        let x = Tensor((0..<6).map { Float($0 % 5) - 2 }, shape: [2, 3])
        let seed = Tensor([1, 2, 3, 4, 5, 6, 7, 8], shape: [2, 4])
        func run(_ layer: Linear) -> [[Float]] {
            let (tape, incoming) = (Tape(precision: precision), GradientBuffer(shape: [2, 3]))
            let y = layer(tape.leaf(x, gradient: incoming), on: tape)
            tape.backward(from: y, seed: seed)
            return [y.value.values, incoming.value.values]
        }
        func holding(_ values: [Float]) -> Linear {
            Linear(
                weight: Parameter(name: "l.weight", value: Tensor(values, shape: [4, 3]), decays: true),
                bias: Parameter(name: "l.bias", value: Tensor(zeros: [4]), decays: false))
        }
        func fresh(_ layer: Linear) -> [[Float]] { run(holding(layer.weight.value.values)) }

        let layer = holding((0..<12).map { Float($0) })
        let first = run(layer)
        #expect(first == fresh(layer) && run(layer) == first)

        layer.weight.value = Tensor((0..<12).map { Float(7 - $0) }, shape: [4, 3])
        let second = run(layer)
        #expect(second == fresh(layer) && second[0] != first[0] && second[1] != first[1])

        // In place.
        layer.weight.value.withUnsafeMutableBufferPointer { $0[5] = 100 }
        let third = run(layer)
        #expect(third == fresh(layer) && third[0] != second[0] && third[1] != second[1])

        // By the optimizer.
        AdamW(parameters: [layer.weight], weightDecay: 0.1).update(learningRate: 0.5)
        let fourth = run(layer)
        #expect(fourth == fresh(layer) && fourth[0] != third[0] && fourth[1] != third[1])
    }

    @Test("serve tapes of both precisions in turn")
    func bothPrecisions() {
        // 1 + 2⁻⁹ is 1 in bfloat16.
        let layer = Linear(
            weight: Parameter(name: "l.weight", value: Tensor([1 + 0x1p-9], shape: [1, 1]), decays: true),
            bias: Parameter(name: "l.bias", value: Tensor([0], shape: [1]), decays: false))
        for _ in 0..<2 {
            for (precision, expected) in [(Precision.float32, 1 + 0x1p-9 as Float), (.bfloat16, 1)] {
                let (tape, incoming) = (Tape(precision: precision), GradientBuffer(shape: [1, 1]))
                let y = layer(tape.leaf(Tensor([1], shape: [1, 1]), gradient: incoming), on: tape)
                tape.backward(from: y)
                #expect(y.value.scalar == expected && incoming.value.scalar == expected)
            }
        }
    }

    /// A tape that was built before a weight changed still stands for the old weight; what it packs late must not be
    /// taken for the new one.
    @Test("that change leave earlier tapes as they were, and get nothing from them", arguments: Precision.allCases)
    func changeBetweenForwardAndBackward(precision: Precision) {
        let parameter = Parameter(name: "w", value: Tensor([2], shape: [1, 1]), decays: true)
        func forward() -> (tape: Tape, y: Variable, incoming: GradientBuffer) {
            let (tape, incoming) = (Tape(precision: precision), GradientBuffer(shape: [1, 1]))
            let x = tape.leaf(Tensor([1], shape: [1, 1]), gradient: incoming)
            return (tape, tape.linear(x, weight: parameter.on(tape), bias: nil), incoming)
        }
        let earlier = forward()
        parameter.value = Tensor([3], shape: [1, 1])
        let later = forward()
        for (pass, weight) in [(earlier, Float(2)), (later, 3)] {
            pass.tape.backward(from: pass.y)
            #expect(pass.incoming.value.scalar == weight)
        }
    }
}
