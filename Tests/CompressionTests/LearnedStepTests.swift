import Foundation
import Tensors
import Testing

/// The surrogate of a grid: round(u) is replaced by u + δ with the δ that it has at the point, which is what letting
/// gradients pass the rounding means.
@Suite("Learned steps")
struct LearnedStepTests {
    private let x: [Float] = (0..<3 * 40).map { Float(RandomKey(3).normal($0)) * 0.6 }

    /// Σ w · x̂ as a function of x and the steps in Float64, around the point where the roundings were taken.
    private func surrogate(
        _ x: [Double], steps: [Double], weights: [Double], zero: Double, low: Double, high: Double
    ) -> Double {
        let width = self.x.count / 3
        return x.indices.reduce(0) { sum, index in
            let row = steps.count == 1 ? 0 : index / width
            let (point, step) = (Double(self.x[index]), pointSteps[row])
            let level = (point / step).rounded(.toNearestOrEven) + zero
            let value =
                level < low
                ? (low - zero) * steps[row]
                : level > high
                    ? (high - zero) * steps[row]
                    : steps[row] * (x[index] / steps[row] + (level - zero - point / step))
            return sum + weights[index] * value
        }
    }

    private let pointSteps: [Double] = [0.0078125, 0.01171875, 0.015625]

    private func check(rows: Bool, zero: UInt8, low: Double, high: Double, bits: Int) {
        let steps = rows ? pointSteps : [pointSteps[0]]
        let weights = x.indices.map { Double(RandomKey(4).normal($0)) }
        let (xBuffer, stepBuffer) = (GradientBuffer(shape: [3, 40]), GradientBuffer(shape: [steps.count]))
        let tape = Tape()
        let operand = tape.leaf(Tensor(x, shape: [3, 40]), gradient: xBuffer)
        let step = tape.leaf(Tensor(steps.map { Float($0) }, shape: [steps.count]), gradient: stepBuffer)
        let y =
            rows
            ? tape.fakeQuantizeRows(operand, steps: step, bits: bits)
            : tape.fakeQuantize(operand, step: step, zeroPoint: zero)
        tape.backward(from: y, seed: Tensor(weights.map { Float($0) }, shape: [3, 40]))
        let h = 1e-7
        let point = x.map(Double.init)
        for index in x.indices {
            var (up, down) = (point, point)
            up[index] += h
            down[index] -= h
            let expected =
                (surrogate(up, steps: steps, weights: weights, zero: Double(zero), low: low, high: high)
                    - surrogate(down, steps: steps, weights: weights, zero: Double(zero), low: low, high: high))
                / (2 * h)
            #expect(abs(Double(xBuffer.value.values[index]) - expected) < 1e-5)
        }
        for index in steps.indices {
            var (up, down) = (steps, steps)
            up[index] += h
            down[index] -= h
            let slope =
                (surrogate(point, steps: up, weights: weights, zero: Double(zero), low: low, high: high)
                    - surrogate(point, steps: down, weights: weights, zero: Double(zero), low: low, high: high))
                / (2 * h)
            let expected = slope / (40 * (high - Double(zero))).squareRoot()
            #expect(abs(Double(stepBuffer.value.values[index]) - expected) < 1e-5 * max(1, abs(expected)))
        }
    }

    @Test("gradients of a grid's step equal central differences of its surrogate, divided by the root of N · Q")
    func gradients() {
        check(rows: false, zero: 113, low: 0, high: 255, bits: 8)
        check(rows: false, zero: 0, low: 0, high: 255, bits: 8)
        check(rows: true, zero: 0, low: -127, high: 127, bits: 8)
        check(rows: true, zero: 0, low: -63, high: 63, bits: 7)
    }

    @Test("values land on the grid of the step, and a step that training made too small is held")
    func forward() {
        let tape = Tape()
        let factors = tape.leaf(Tensor([2, -1], shape: [2]), gradient: GradientBuffer(shape: [2]))
        let steps = tape.steps(factors, of: [0.5, 0.25])
        #expect(steps.value.values == [1, 0.25 * 1e-3])
        let y = tape.fakeQuantizeRows(
            Variable(constant: Tensor([0.4, 1.5, 2.5, 200, 0, 0, 0, 0], shape: [2, 4])), steps: steps)
        #expect(Array(y.value.values.prefix(4)) == [0, 2, 2, 127])
    }
}
