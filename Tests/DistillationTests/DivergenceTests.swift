import Distillation
import Foundation
import Tensors
import Testing

extension Tape {
    /// The loss of a teacher that names k of the classes: the logits as hidden states, the identity as the output embedding.
    fileprivate func distillationKL(
        _ logits: Variable, teacher: SparseTargets, temperature: Double, divergence: Divergence, normalizer: Int
    ) -> Variable {
        let (rows, width) = (logits.value.rows, logits.value.width)
        let identity = Tensor((0..<width * width).map { $0 % (width + 1) == 0 ? 1 : 0 }, shape: [width, width])
        return vocabularyDistillation(
            logits, table: Variable(constant: identity), labels: [Int32](repeating: 0, count: rows), teacher: teacher,
            weights: (0, 1), temperature: Float(temperature), divergence: divergence, normalizer: normalizer
        ).loss
    }
}

@Suite("Divergences")
struct DivergenceTests {
    static let all: [Divergence] = [.forwardKL, .reverseKL, .jsd(beta: 0.5), .jsd(beta: 0.1), .jsd(beta: 0.9)]

    private let rows = 4
    private let classes = 6
    private var student: Tensor { Tensor(numbers("student"), shape: [rows, classes]) }
    /// The teacher's log-probabilities at T = 1.
    private var teacher: [Double] { logSoftmax(numbers("teacher").map(Double.init), width: classes) }

    private func numbers(_ name: String) -> [Float] {
        let key = RandomKey(12).mixed(name)
        return (0..<rows * classes).map { Float(key.normal($0) * 2) }
    }

    /// The k likeliest classes of each row, at a temperature.
    private func likeliest(_ k: Int, temperature: Double) -> SparseTargets {
        let ids = (0..<rows).flatMap { row in
            (0..<classes).sorted { teacher[row * classes + $0] > teacher[row * classes + $1] }.prefix(k).map(Int32.init)
        }
        return SparseTargets(
            k: k, ids: ids,
            logProbabilities: ids.enumerated().map { Float(teacher[$0.offset / k * classes + Int($0.element)]) },
            logNormalizers: (0..<rows).map { row in
                log((0..<classes).reduce(0) { $0 + exp(teacher[row * classes + $1] / temperature) })
            })
    }

    /// T² · Σ D / 3 by the textbook, everything outside the teacher's k classes in one bucket.
    private func reference(
        _ divergence: Divergence, _ z: [Double], _ targets: SparseTargets, temperature: Double
    ) -> Double {
        let p = logSoftmax(teacher, width: classes, temperature: temperature).map { exp($0) }
        let q = logSoftmax(z, width: classes, temperature: temperature).map { exp($0) }
        var sum = 0.0
        for row in 0..<rows {
            let kept = targets.ids[row * targets.k..<(row + 1) * targets.k].map { row * classes + Int($0) }
            let rest = (row * classes..<(row + 1) * classes).filter { !kept.contains($0) }
            var outcomes = kept.map { (p[$0], q[$0]) }
            if !rest.isEmpty {
                outcomes.append((rest.reduce(0) { $0 + p[$1] }, rest.reduce(0) { $0 + q[$1] }))
            }
            for (p, q) in outcomes {
                switch divergence {
                case .forwardKL: sum += p * log(p / q)
                case .reverseKL: sum += q * log(q / p)
                case .jsd(let beta):
                    let m = beta * p + (1 - beta) * q
                    sum += beta * p * log(p / m) + (1 - beta) * q * log(q / m)
                }
            }
        }
        return sum * temperature * temperature / 3
    }

    @Test("reverse KL and JSD equal torch's at every temperature, and so do their gradients")
    func torch() throws {
        let golden = try GoldenLosses.read().divergences
        #expect(golden.cases.count == 12)
        for expected in golden.cases {
            let divergence: Divergence = expected.beta.map { .jsd(beta: $0) } ?? .reverseKL
            let found = lossAndGradients([golden.student.tensor]) {
                $0.distillationKL(
                    $1[0], teacher: golden.teacher.tensor, temperature: expected.temperature, temperatureSquared: true,
                    divergence: divergence, normalizer: 4)
            }
            #expect(abs(found.loss - expected.value) < 1e-6 * max(1, expected.value), "\(divergence)")
            let gradient = expected.gradients[0].tensor.values
            #expect(largestDifference(found.gradients[0], gradient) < 2e-6, "\(divergence)")
        }
    }

    @Test(
        "equal the dense computation with a bucket for the rest, at every k and temperature, gradients included",
        arguments: all, [1.0, 2, 4])
    func sparse(_ divergence: Divergence, temperature: Double) {
        for k in 1...classes {
            let targets = likeliest(k, temperature: temperature)
            let found = lossAndGradients([student]) {
                $0.distillationKL(
                    $1[0], teacher: targets, temperature: temperature, divergence: divergence, normalizer: 3)
            }
            let z = student.values.map(Double.init)
            let expected = reference(divergence, z, targets, temperature: temperature)
            #expect(abs(Double(found.loss) - expected) < 2e-6 * max(1, expected), "k = \(k)")
            let numeric = Reference.centralDifferences(at: z) {
                reference(divergence, $0, targets, temperature: temperature)
            }
            #expect(largestDifference(found.gradients[0], numeric.map { Float($0) }) < 3e-6, "k = \(k)")
            #expect(largestMagnitude(found.gradients[0]) > 1e-3)
        }
    }

    @Test("with all classes named are the dense loss", arguments: all, [1.0, 2, 4])
    func complete(_ divergence: Divergence, temperature: Double) {
        let dense = lossAndGradients([student]) {
            $0.distillationKL(
                $1[0], teacher: Tensor(teacher.map { Float($0) }, shape: student.shape), temperature: temperature,
                temperatureSquared: true, divergence: divergence, normalizer: 3)
        }
        let sparse = lossAndGradients([student]) {
            $0.distillationKL(
                $1[0], teacher: likeliest(classes, temperature: temperature), temperature: temperature,
                divergence: divergence, normalizer: 3)
        }
        #expect(abs(dense.loss - sparse.loss) < 1e-6 * max(1, dense.loss))
        #expect(largestDifference(dense.gradients[0], sparse.gradients[0]) < 1e-6)
    }

    @Test(
        "stay finite where a probability is zero or next to it, in the teacher, the student and the rest",
        arguments: all)
    func zeros(_ divergence: Divergence) {
        // A student that is sure of what the teacher excludes, and one that leaves nothing to the rest.
        let z = Tensor([300, 0, -300, 0, 0, 0, 60, 0, -90, -90, -90, -90], shape: [2, 6])
        let log2 = Float(log(0.5))
        let dense: [Float] = [
            -.infinity, log2, log2, -.infinity, -.infinity, -.infinity, 0, -200, -200, -200, -200, -200,
        ]
        let losses: [(Tape, Variable) -> Variable] = [
            {
                $0.distillationKL(
                    $1, teacher: Tensor(dense, shape: [2, 6]), temperature: 1, temperatureSquared: true,
                    divergence: divergence, normalizer: 1)
            },
            {
                // All of the teacher's mass on the two classes that it names: r = 0.
                $0.distillationKL(
                    $1,
                    teacher: SparseTargets(
                        k: 2, ids: [1, 2, 0, 1], logProbabilities: [log2, log2, 0, -.infinity], logNormalizers: [0, 0]),
                    temperature: 1, divergence: divergence, normalizer: 1)
            },
        ]
        for loss in losses {
            let found = lossAndGradients([z]) { loss($0, $1[0]) }
            #expect(found.loss.isFinite && found.loss > 0)
            #expect(found.gradients[0].allSatisfy { $0.isFinite })
        }
    }

    @Test("JSD goes to KL(p‖q) and to KL(q‖p) at the ends of β, and takes both models alike at one half")
    func limits() {
        let teacher = Tensor(teacher.map { Float($0) }, shape: student.shape)
        func value(_ divergence: Divergence, swapped: Bool = false) -> Float {
            let (p, q) = swapped ? (student, teacher) : (teacher, student)
            return Tape(recording: false).distillationKL(
                Variable(constant: q), teacher: p, temperature: 1, temperatureSquared: true, divergence: divergence,
                normalizer: 1
            ).value.scalar
        }
        let beta = 1e-4
        #expect(abs(value(.jsd(beta: beta)) / Float(beta) / value(.forwardKL) - 1) < 5e-3)
        #expect(abs(value(.jsd(beta: 1 - beta)) / Float(beta) / value(.reverseKL) - 1) < 5e-3)
        #expect(value(.jsd(beta: 0.5)) == value(.jsd(beta: 0.5), swapped: true))
        #expect(abs(value(.reverseKL) - value(.forwardKL, swapped: true)) < 1e-5)
        #expect(abs(value(.reverseKL) - value(.forwardKL)) > 0.1)
    }
}
