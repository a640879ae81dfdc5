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
}
