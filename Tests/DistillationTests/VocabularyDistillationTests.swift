import Distillation
import Foundation
import Tensors
import Testing

@Suite("The loss over a vocabulary with a sparse teacher")
struct VocabularyDistillationTests {
    /// A problem of N positions, C wide, V tokens of which the teacher names k.
    private struct Problem {
        let (positions, width, vocabulary, k): (Int, Int, Int, Int)
        let (hidden, table): ([Float], [Float])
        let labels: [Int32]
        let ids: [Int32]
        /// The teacher's dense probabilities at T = 1: [N × V].
        let teacher: [Double]

        init(_ positions: Int, _ width: Int, _ vocabulary: Int, k: Int, sharpness: Double = 1) {
            (self.positions, self.width, self.vocabulary, self.k) = (positions, width, vocabulary, k)
            func numbers(_ name: String, _ count: Int, _ scale: Double) -> [Float] {
                let key = RandomKey(9).mixed(name)
                return (0..<count).map { Float(key.normal($0) * scale) }
            }
            hidden = numbers("hidden", positions * width, sharpness)
            table = numbers("table", vocabulary * width, 1)
            labels = (0..<positions).map { Int32(RandomKey(4).bits($0) % UInt64(vocabulary)) }
            let logits = numbers("teacher", positions * vocabulary, 2).map(Double.init)
            let teacher = logSoftmax(logits, width: vocabulary).map { exp($0) }
            ids = (0..<positions).flatMap { row in
                (0..<vocabulary).sorted { teacher[row * vocabulary + $0] > teacher[row * vocabulary + $1] }
                    .prefix(k).map(Int32.init)
            }
            self.teacher = teacher
        }

        func targets(_ temperature: Double) -> SparseTargets {
            SparseTargets(
                k: k, ids: ids,
                logProbabilities: ids.enumerated().map { index, id in
                    Float(log(teacher[index / k * vocabulary + Int(id)]))
                },
                logNormalizers: (0..<positions).map { row in
                    log((0..<vocabulary).reduce(0) { $0 + pow(teacher[row * vocabulary + $1], 1 / temperature) })
                })
        }

        /// The terms from the dense distributions, with all tokens outside K gathered in one bucket.
        func reference(
            hidden: [Double], table: [Double], divergence: Divergence = .forwardKL, temperature: Double,
            normalizer: Double
        ) -> (crossEntropy: Double, kl: Double) {
            let z = Reference.linear(hidden, weight: table, input: width)
            let plain = logSoftmax(z, width: vocabulary)
            let q = logSoftmax(z, width: vocabulary, temperature: temperature)
            let p = logSoftmax(teacher.map { log($0) }, width: vocabulary, temperature: temperature)
            var (crossEntropy, kl) = (0.0, 0.0)
            for row in 0..<positions {
                let start = row * vocabulary
                crossEntropy -= plain[start + Int(labels[row])]
                let kept = Set(ids[row * k..<(row + 1) * k].map { Int($0) })
                for j in kept {
                    kl += VocabularyDistillationTests.share(of: divergence, exp(p[start + j]), exp(q[start + j]))
                }
                let rest = (0..<vocabulary).filter { !kept.contains($0) }
                guard !rest.isEmpty else { continue }
                let r = rest.reduce(0) { $0 + exp(p[start + $1]) }
                let tail = rest.reduce(0) { $0 + exp(q[start + $1]) }
                kl += VocabularyDistillationTests.share(of: divergence, r, tail)
            }
            return (crossEntropy / normalizer, kl * temperature * temperature / normalizer)
        }
    }

    /// What an outcome adds to a divergence.
    private static func share(of divergence: Divergence, _ p: Double, _ q: Double) -> Double {
        switch divergence {
        case .forwardKL: return p * log(p / q)
        case .reverseKL: return q * log(q / p)
        case .jsd(let beta):
            let m = beta * p + (1 - beta) * q
            return beta * p * log(p / m) + (1 - beta) * q * log(q / m)
        }
    }

    private let weights: (crossEntropy: Float, kl: Float) = (0.3, 0.7)

    @Test(
        "equals the dense computation, and its gradients central differences, at every temperature",
        arguments: [1, 2, 4, 3, 0.5], DivergenceTests.all)
    func dense(_ temperature: Double, divergence: Divergence) {
        for problem in [Problem(3, 4, 11, k: 3), Problem(5, 3, 40, k: 1), Problem(2, 4, 9, k: 9)] {
            let shapes = [[problem.positions, problem.width], [problem.vocabulary, problem.width]]
            let buffers = shapes.map { GradientBuffer(shape: $0) }
            let tape = Tape()
            let result = tape.vocabularyDistillation(
                tape.leaf(Tensor(problem.hidden, shape: shapes[0]), gradient: buffers[0]),
                table: tape.leaf(Tensor(problem.table, shape: shapes[1]), gradient: buffers[1]),
                labels: problem.labels, teacher: problem.targets(temperature), weights: weights,
                temperature: Float(temperature), divergence: divergence, normalizer: 7)
            tape.backward(from: result.loss)
            func total(_ hidden: [Double], _ table: [Double]) -> Double {
                let terms = problem.reference(
                    hidden: hidden, table: table, divergence: divergence, temperature: temperature, normalizer: 7)
                return 0.3 * terms.crossEntropy + 0.7 * terms.kl
            }
            let (hidden, table) = (problem.hidden.map(Double.init), problem.table.map(Double.init))
            let expected = problem.reference(
                hidden: hidden, table: table, divergence: divergence, temperature: temperature, normalizer: 7)
            #expect(abs(Double(result.crossEntropy) - expected.crossEntropy) < 1e-5)
            #expect(abs(Double(result.kl) - expected.kl) < 1e-5)
            #expect(abs(Double(result.loss.value.scalar) - total(hidden, table)) < 1e-5)
            let numeric = [
                Reference.centralDifferences(at: hidden) { total($0, table) },
                Reference.centralDifferences(at: table) { total(hidden, $0) },
            ]
            for (buffer, numeric) in zip(buffers, numeric) {
                #expect(largestDifference(buffer.value.values, numeric.map { Float($0) }) < 5e-6)
                #expect(largestMagnitude(buffer.value.values) > 0.001)
            }
        }
    }

    @Test(
        "with the whole vocabulary named is the dense loss over the logits", arguments: [1.0, 2, 4], DivergenceTests.all
    )
    func complete(_ temperature: Double, divergence: Divergence) {
        let problem = Problem(5, 4, 13, k: 13)
        let sparse = Tape(recording: false).vocabularyDistillation(
            Variable(constant: Tensor(problem.hidden, shape: [5, 4])),
            table: Variable(constant: Tensor(problem.table, shape: [13, 4])), labels: problem.labels,
            teacher: problem.targets(temperature), weights: weights, temperature: Float(temperature),
            divergence: divergence, normalizer: 5
        ).kl
        let logits = Reference.linear(
            problem.hidden.map(Double.init), weight: problem.table.map(Double.init), input: 4)
        let dense = Tape(recording: false).distillationKL(
            Variable(constant: Tensor(logits.map { Float($0) }, shape: [5, 13])),
            teacher: Tensor(problem.teacher.map { Float(log($0)) }, shape: [5, 13]), temperature: temperature,
            temperatureSquared: true, divergence: divergence, normalizer: 5
        ).value.scalar
        #expect(abs(sparse / dense - 1) < 1e-5)
    }

    @Test(
        "stays finite where the teacher leaves nothing to the rest, or the student does",
        arguments: DivergenceTests.all,
        [Float(1), 2, 3])
    func emptyTail(_ divergence: Divergence, temperature: Float) {
        // Logits are the hidden states themselves; the teacher allows one token, and forbids one that it names.
        let table = Tensor((0..<25).map { $0 % 6 == 0 ? 1 : 0 }, shape: [5, 5])
        let hidden = GradientBuffer(shape: [2, 5])
        let tape = Tape()
        let result = tape.vocabularyDistillation(
            tape.leaf(Tensor([40, 0, 0, 0, 0, 0, 0, 80, 0, 80], shape: [2, 5]), gradient: hidden),
            table: Variable(constant: table), labels: [0, 1],
            teacher: SparseTargets(
                k: 2, ids: [0, 1, 0, 3], logProbabilities: [0, -.infinity, 0, -.infinity], logNormalizers: [0, 0]),
            weights: weights, temperature: temperature, divergence: divergence, normalizer: 2)
        tape.backward(from: result.loss)
        #expect(result.kl.isFinite && result.kl > 0.1)
        #expect(hidden.value.isFinite)
    }

    @Test("keeps its accuracy where the student leaves almost nothing to the tail")
    func concentrated() {
        let problem = Problem(4, 3, 30, k: 20, sharpness: 6)
        let tape = Tape(recording: false)
        let result = tape.vocabularyDistillation(
            Variable(constant: Tensor(problem.hidden, shape: [4, 3])),
            table: Variable(constant: Tensor(problem.table, shape: [30, 3])), labels: problem.labels,
            teacher: problem.targets(1), weights: weights, temperature: 1, normalizer: 4)
        let expected = problem.reference(
            hidden: problem.hidden.map(Double.init), table: problem.table.map(Double.init), temperature: 1,
            normalizer: 4)
        #expect(abs(Double(result.kl) / expected.kl - 1) < 1e-5)
    }

    @Test("does not depend on how the positions are split, nor on the gradient's scale")
    func split() {
        let problem = Problem(6, 4, 33, k: 4)
        let targets = problem.targets(2)
        func run(_ ranges: [Range<Int>], scale: Float) -> (loss: Float, table: [Float]) {
            let buffer = GradientBuffer(shape: [33, 4])
            var loss: Float = 0
            for range in ranges {
                let tape = Tape()
                let hidden = Tensor(
                    Array(problem.hidden[range.lowerBound * 4..<range.upperBound * 4]), shape: [range.count, 4])
                let part = SparseTargets(
                    k: 4, ids: Array(targets.ids[range.lowerBound * 4..<range.upperBound * 4]),
                    logProbabilities: Array(targets.logProbabilities[range.lowerBound * 4..<range.upperBound * 4]),
                    logNormalizers: Array(targets.logNormalizers[range]))
                let result = tape.vocabularyDistillation(
                    tape.leaf(hidden, gradient: GradientBuffer(shape: hidden.shape)),
                    table: tape.leaf(Tensor(problem.table, shape: [33, 4]), gradient: buffer),
                    labels: Array(problem.labels[range]), teacher: part, weights: weights, temperature: 2, normalizer: 6
                )
                loss += result.loss.value.scalar
                tape.backward(from: result.loss, seed: Tensor([scale], shape: [1]))
            }
            return (loss, buffer.value.values)
        }
        let whole = run([0..<6], scale: 1)
        let parts = run([0..<1, 1..<4, 4..<6], scale: 1)
        #expect(abs(whole.loss - parts.loss) < 1e-6)
        #expect(largestDifference(whole.table, parts.table) < 1e-6)
        let scaled = run([0..<6], scale: 3)
        #expect(largestDifference(scaled.table, whole.table.map { 3 * $0 }) < 2e-6)
    }
}
