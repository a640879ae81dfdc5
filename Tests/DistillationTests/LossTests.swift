import Distillation
import Foundation
import Tensors
import Testing

@Suite("Losses")
struct LossTests {
    let golden: GoldenTraining.Losses

    init() throws {
        golden = try GoldenTraining.read().losses
    }

    /// The loss of one input on a fresh tape, and its gradient.
    private func run(_ input: Tensor, _ loss: (Tape, Variable) -> Variable) -> (loss: Float, gradient: [Float]) {
        let (tape, buffer) = (Tape(), GradientBuffer(shape: input.shape))
        let result = loss(tape, tape.leaf(input, gradient: buffer))
        tape.backward(from: result)
        return (result.value.scalar, buffer.value.values)
    }

    /// (f(x + h) − f(x − h)) / 2h of a loss in double precision, for every element.
    private func differences(_ input: Tensor, _ loss: ([Double]) -> Double) -> [Float] {
        Reference.centralDifferences(at: input.values.map(Double.init), of: loss).map { Float($0) }
    }

    private var teacher: Tensor {
        Tensor(golden.probabilities.tensor.values.map { log($0) }, shape: golden.probabilities.shape)
    }

    /// T² · Σ p_T (log p_T − log q_T) / N, with 0 · log 0 = 0.
    private func divergence(_ z: [Double], temperature: Double, squared: Bool, normalizer: Double) -> Double {
        let width = golden.logits.shape[1]
        let p = logSoftmax(teacher.values.map(Double.init), width: width, temperature: temperature)
        let q = logSoftmax(z, width: width, temperature: temperature)
        let sum = zip(p, q).reduce(0.0) { $1.0.isInfinite ? $0 : $0 + exp($1.0) * ($1.0 - $1.1) }
        return (squared ? temperature * temperature : 1) * sum / normalizer
    }

    @Test("cross-entropy equals torch's, and its gradient central differences")
    func crossEntropy() {
        let logits = golden.logits.tensor
        let (loss, gradient) = run(logits) { $0.crossEntropy($1, labels: golden.labels, normalizer: 4) }
        #expect(abs(loss - golden.crossEntropy) < 1e-6)
        let expected = differences(logits) { z in
            let logs = logSoftmax(z, width: 5)
            return golden.labels.enumerated().reduce(0) { $0 - logs[$1.offset * 5 + $1.element] } / 4
        }
        #expect(largestDifference(gradient, expected) < 1e-6)
        #expect(largestMagnitude(gradient) > 0.01)
    }

    @Test("KL equals torch's at every temperature, also where the teacher excludes a class", arguments: [0, 1, 2])
    func divergence(_ index: Int) {
        let expected = golden.kl[index]
        #expect(teacher.values.contains(-.infinity), "the golden rows must hold exact zeros")
        let (loss, gradient) = run(golden.logits.tensor) {
            $0.distillationKL(
                $1, teacher: teacher, temperature: expected.temperature, temperatureSquared: true, normalizer: 4)
        }
        #expect(abs(loss - expected.value) < 2e-6 * max(1, abs(expected.value)))
        #expect(largestDifference(gradient, expected.gradient.tensor.values) < 1e-6)
    }

    @Test(
        "KL has the gradient of central differences, with T² and without", arguments: [1.0, 2, 4, 0.5], [true, false])
    func divergenceGradient(_ temperature: Double, squared: Bool) {
        let (loss, gradient) = run(golden.logits.tensor) {
            $0.distillationKL(
                $1, teacher: teacher, temperature: temperature, temperatureSquared: squared, normalizer: 3)
        }
        func reference(_ z: [Double]) -> Double {
            divergence(z, temperature: temperature, squared: squared, normalizer: 3)
        }
        let value = reference(golden.logits.tensor.values.map(Double.init))
        #expect(abs(Double(loss) - value) < 2e-6 * max(1, value))
        let expected = differences(golden.logits.tensor, reference)
        #expect(largestDifference(gradient, expected) < 2e-6 * max(1, largestMagnitude(expected)))
    }

    @Test("KL takes the teacher's logits and its log-probabilities alike, and is zero at the teacher")
    func teacherForms() {
        let logits = golden.logits.tensor
        let shifted = Tensor(logits.values.map { $0 + 5 }, shape: logits.shape)
        for temperature in [1.0, 2, 4] {
            let (loss, gradient) = run(logits) {
                $0.distillationKL(
                    $1, teacher: shifted, temperature: temperature, temperatureSquared: true, normalizer: 1)
            }
            #expect(abs(loss) < 1e-5 && largestMagnitude(gradient) < 1e-5)
        }
    }

    @Test("T² keeps the size of the gradient where temperature alone would shrink it")
    func temperatureSquared() {
        func size(_ squared: Bool) -> Float {
            largestMagnitude(
                run(golden.logits.tensor) {
                    $0.distillationKL($1, teacher: teacher, temperature: 4, temperatureSquared: squared, normalizer: 4)
                }.gradient)
        }
        #expect(abs(size(true) / size(false) - 16) < 1e-4)
    }

    @Test("feature MSE equals torch's, and its gradient central differences")
    func featureMSE() {
        let (student, teacher) = (golden.studentHidden.tensor, golden.teacherHidden.tensor)
        let (loss, gradient) = run(student) { $0.featureMSE($1, teacher: teacher, normalizer: 6) }
        #expect(abs(loss - golden.features) < 1e-6)
        let wanted = teacher.values.map(Double.init)
        let expected = differences(student) { h in
            zip(h, wanted).reduce(0.0) { sum, pair in sum + (pair.0 - pair.1) * (pair.0 - pair.1) } / 24
        }
        #expect(largestDifference(gradient, expected) < 1e-6)
        // The mean over the step's positions, not over those of the call: twice the positions, half the gradient.
        let half = run(student) { $0.featureMSE($1, teacher: teacher, normalizer: 12) }
        #expect(largestDifference(half.gradient.map { 2 * $0 }, gradient) < 1e-7)
    }

    @Test("every loss hands on the gradient that arrives from above")
    func chainRule() {
        let logits = golden.logits.tensor
        let losses: [(Tape, Variable) -> Variable] = [
            { $0.crossEntropy($1, labels: golden.labels, normalizer: 4) },
            {
                $0.distillationKL($1, teacher: teacher, temperature: 2, temperatureSquared: true, normalizer: 4)
            },
            { $0.featureMSE($1, teacher: Tensor(zeros: logits.shape), normalizer: 4) },
        ]
        for (index, loss) in losses.enumerated() {
            let plain = run(logits, loss).gradient
            let tripled = run(logits) { tape, z in tape.weightedSum([(3, loss(tape, z))]) }.gradient
            #expect(largestDifference(tripled, plain.map { 3 * $0 }) < 1e-5, "loss \(index)")
        }
    }
}
