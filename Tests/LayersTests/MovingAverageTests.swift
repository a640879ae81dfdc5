import Layers
import Tensors
import Testing

@Suite("Moving average of weights")
struct MovingAverageTests {
    private let steps: [[Float]] = (0..<200).map { step in [Float(step % 7) - 3, 1 / Float(step + 1), 40] }

    private func parameter() -> Parameter {
        Parameter(name: "w", value: Tensor([9, 9, 9], shape: [3]), decays: true)
    }

    /// The averages after each step, as the formula says.
    private func expected(decay: Double) -> [[Double]] {
        var average = [9.0, 9, 9]
        return steps.enumerated().map { index, weights in
            let t = Double(index + 1)
            let d = min(decay, (1 + t) / (10 + t))
            average = zip(average, weights).map { d * $0 + (1 - d) * Double($1) }
            return average
        }
    }

    @Test("follows its formula, while the decay rises and when it stands", arguments: [Float(0.5), 0.9, 0.999])
    func formula(_ decay: Float) {
        let weight = parameter()
        let average = MovingAverage(parameters: [weight], decay: decay)
        for (index, expected) in expected(decay: Double(decay)).enumerated() {
            weight.value = Tensor(steps[index], shape: [3])
            average.update(step: index + 1)
            for (found, wanted) in zip(average.values[0].values, expected) {
                #expect(abs(Double(found) - wanted) < 1e-5 * max(1, abs(wanted)), "decay \(decay), step \(index + 1)")
            }
            #expect(weight.value.values == steps[index], "the weights stay as they are")
        }
    }

    @Test("stands in the place of the weights for a while, also where that ends with an error")
    func applied() {
        struct Stop: Error {}
        let weight = parameter()
        let average = MovingAverage(parameters: [weight], decay: 0.9)
        weight.value = Tensor([1, 2, 3], shape: [3])
        #expect(average.whileApplied { weight.value.values } == [9, 9, 9])
        #expect(weight.value.values == [1, 2, 3])
        #expect(throws: Stop.self) { try average.whileApplied { throw Stop() } }
        #expect(weight.value.values == [1, 2, 3])
    }

    @Test("goes on from restored averages as if it had not stopped")
    func restores() {
        let (weight, other) = (parameter(), parameter())
        let (whole, second) = (
            MovingAverage(parameters: [weight], decay: 0.9), MovingAverage(parameters: [other], decay: 0.9)
        )
        for step in 1...40 {
            for parameter in [weight, other] { parameter.value = Tensor(steps[step], shape: [3]) }
            whole.update(step: step)
            if step == 20 { second.restore(whole.values) }
            if step > 20 { second.update(step: step) }
        }
        #expect(whole.values[0].values == second.values[0].values)
    }
}
