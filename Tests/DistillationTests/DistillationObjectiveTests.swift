import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Distillation objective")
struct DistillationObjectiveTests {
    private let data = SmallModel.examples(8)
    private let dropout = RandomKey(11)

    private func weights(
        crossEntropy: Float = 0.3, kl: Float = 0.5, features: Float = 0.7, temperature: Double = 2
    ) -> LossWeights {
        LossWeights(
            crossEntropy: crossEntropy, kl: kl, temperature: temperature, temperatureSquared: true, features: features,
            featurePairs: [(0, 0), (2, 3)])
    }

    /// Every kind of loss that compares what is inside of the models, and another divergence.
    private var inner: LossWeights {
        var weights = weights()
        weights.divergence = .jsd(beta: 0.3)
        weights.featureLoss = .cosine
        weights.relations = LossWeights.Relations(weight: 0.9, studentLayer: 1, teacherLayer: 2, heads: 4)
        weights.attention = 0.6
        weights.attentionPairs = [(1, 1), (2, 3)]
        return weights
    }

    /// A student with dropout, under a wider teacher: both feature pairs are projected.
    private func objective(
        _ weights: LossWeights, dropout: Float = 0.2, teacherWidth: Int = 20
    ) throws -> DistillationObjective {
        try DistillationObjective(
            student: SmallModel.encoder(dropout: dropout), data: data,
            targets: LiveTeacher(teacher: SmallModel.encoder(width: teacherWidth, layers: 3, seed: 2)),
            weights: weights, key: RandomKey(6))
    }

    /// The gradients of one step over all examples, taken in parts.
    private func gradients(
        _ objective: DistillationObjective, _ order: [Int], microBatch: Int, dropout: RandomKey?
    ) throws -> (loss: Float, gradients: [[Float]]) {
        let scope = StepScope(lengths: order.map(objective.length), dropout: dropout)
        for parameter in objective.parameters { parameter.gradient.clear() }
        var loss: Float = 0
        for start in stride(from: 0, to: order.count, by: microBatch) {
            let part = Array(order[start..<min(start + microBatch, order.count)])
            let tape = Tape()
            let result = try objective.loss(of: part, in: scope, on: tape)
            loss += result.loss.value.scalar
            tape.backward(from: result.loss)
        }
        return (loss, objective.parameters.map(\.gradient.value.values))
    }

    private func expectSame(_ a: [[Float]], _ b: [[Float]], _ what: String, _ objective: DistillationObjective) {
        // Differences are measured against the largest gradient of all: a key's bias has a true gradient of zero.
        let largest = b.map(largestMagnitude).max()!
        for (index, parameter) in objective.parameters.enumerated() {
            let difference = largestDifference(a[index], b[index])
            #expect(difference <= 1e-5 * largest, "\(what): \(parameter.name) is off by \(difference) of \(largest)")
        }
    }

    @Test(
        "has the same loss and gradients however the step is cut into micro-batches", arguments: [1, 2, 3, 4, 8],
        [false, true])
    func microBatches(_ size: Int, matchesInside: Bool) throws {
        let objective = try objective(matchesInside ? inner : weights())
        let order = Array(0..<8)
        let whole = try gradients(objective, order, microBatch: 8, dropout: dropout)
        let parts = try gradients(objective, order, microBatch: size, dropout: dropout)
        #expect(abs(parts.loss - whole.loss) < 1e-5 * whole.loss)
        expectSame(parts.gradients, whole.gradients, "micro-batch \(size)", objective)
        #expect(whole.gradients.allSatisfy { !$0.allSatisfy { $0 == 0 } }, "every parameter must learn")
    }

    @Test("has the same gradients in another order of the examples, dropout included", arguments: [false, true])
    func order(matchesInside: Bool) throws {
        let objective = try objective(matchesInside ? inner : weights())
        let whole = try gradients(objective, Array(0..<8), microBatch: 8, dropout: dropout)
        let shuffled = try gradients(objective, [5, 2, 7, 0, 1, 6, 3, 4], microBatch: 3, dropout: dropout)
        expectSame(shuffled.gradients, whole.gradients, "another order", objective)
        let evaluation = try gradients(objective, Array(0..<8), microBatch: 8, dropout: nil)
        #expect(abs(evaluation.loss - whole.loss) > 1e-3, "dropout must have been on")
    }

    @Test(
        "gives a sequence the same gradient whatever its neighbours are, and however long they are",
        arguments: [false, true])
    func neighbours(matchesInside: Bool) throws {
        let objective = try objective(matchesInside ? inner : weights())
        let lengths = data.sequences.map(\.count)
        let (longest, shortest) = (lengths.firstIndex(of: lengths.max()!)!, lengths.firstIndex(of: lengths.min()!)!)
        let example = (0..<8).first { $0 != longest && $0 != shortest }!
        try #require(lengths[longest] >= 3 * lengths[shortest])
        /// The gradients of some examples of one and the same step, in a single pass.
        func gradients(_ examples: [Int]) throws -> [[Float]] {
            for parameter in objective.parameters { parameter.gradient.clear() }
            let tape = Tape()
            let scope = StepScope(lengths: lengths, dropout: dropout)
            tape.backward(from: try objective.loss(of: examples, in: scope, on: tape).loss)
            return objective.parameters.map(\.gradient.value.values)
        }
        let alone = try gradients([example])
        for neighbours in [[longest], [shortest], [longest, shortest]] {
            let (all, others) = (try gradients(neighbours + [example]), try gradients(neighbours))
            let share = zip(all, others).map { zip($0, $1).map { $0 - $1 } }
            let largest = all.map(largestMagnitude).max()!
            for (index, parameter) in objective.parameters.enumerated() {
                let difference = largestDifference(share[index], alone[index])
                #expect(difference <= 1e-5 * largest, "\(neighbours): \(parameter.name) is off by \(difference)")
            }
        }
    }

    /// ∂L/∂(classifier bias) = Σ ∂L/∂z, so the scale of the loss can be read off it.
    @Test("averages over the step once: the classifier's bias gets the mean of q − p, times T for the soft term")
    func explicitGradient() throws {
        let student = SmallModel.encoder()
        let z = SmallModel.logits(student, data.sequences).map(Double.init)
        let targets = LiveTeacher(teacher: SmallModel.encoder(width: 20, layers: 3, seed: 2))
        let teacher = try targets.logProbabilities(for: data.sequences).values.map(Double.init)
        let q = logSoftmax(z, width: 3).map { exp($0) }
        for (loss, weight) in [
            ("hard", weights(crossEntropy: 0.25, kl: 0, features: 0)),
            ("soft", weights(crossEntropy: 0, kl: 0.5, features: 0, temperature: 3)),
        ] {
            let objective = try objective(weight, dropout: 0)
            let bias = objective.parameters.firstIndex { $0.name == "classifier.bias" }!
            var expected = [Float](repeating: 0, count: 3)
            let pT = logSoftmax(teacher, width: 3, temperature: 3).map { exp($0) }
            let qT = logSoftmax(z, width: 3, temperature: 3).map { exp($0) }
            for row in 0..<8 {
                for c in 0..<3 {
                    let hard = 0.25 / 8 * (q[row * 3 + c] - (data.labels[row] == c ? 1 : 0))
                    let soft = 0.5 * 3 / 8 * (qT[row * 3 + c] - pT[row * 3 + c])
                    expected[c] += Float(loss == "hard" ? hard : soft)
                }
            }
            for size in [8, 2] {
                let found = try gradients(objective, Array(0..<8), microBatch: size, dropout: nil).gradients[bias]
                #expect(largestDifference(found, expected) < 1e-6, "\(loss) term, micro-batch \(size)")
            }
            #expect(largestMagnitude(expected) > 1e-3)
        }
    }

    @Test("reports the terms before their weights and adds them up with their weights")
    func terms() throws {
        let objective = try objective(weights(), dropout: 0)
        let scope = StepScope(lengths: data.sequences.map(\.count), dropout: nil)
        let result = try objective.loss(of: Array(0..<8), in: scope, on: Tape())
        #expect(result.terms.map(\.name) == ["cross_entropy", "kl", "features"])
        let sum = zip(result.terms, [Float(0.3), 0.5, 0.7]).reduce(Float(0)) { $0 + $1.0.value * $1.1 }
        #expect(abs(result.loss.value.scalar - sum) < 1e-5 * sum)
        let plain = try DistillationObjective(
            student: SmallModel.encoder(), data: data, targets: nil, weights: .labelsOnly, key: RandomKey(6))
        let alone = try plain.loss(of: Array(0..<8), in: scope, on: Tape())
        #expect(alone.terms == [result.terms[0]])
        #expect(alone.loss.value.scalar == result.terms[0].value)
    }

    @Test("projects only where the widths differ, and trains the projectors with the student")
    func projectors() throws {
        let student = SmallModel.encoder().parameters.map(\.name)
        #expect(
            try objective(weights()).parameters.map(\.name)
                == student + [
                    "projector.0.weight", "projector.0.bias", "projector.1.weight", "projector.1.bias",
                ])
        #expect(try objective(weights(), teacherWidth: 16).parameters.map(\.name) == student)
    }

    @Test("mean of the feature pairs, over the positions of the step and the teacher's width")
    func features() throws {
        let objective = try objective(weights(crossEntropy: 0, kl: 0, features: 1), dropout: 0, teacherWidth: 16)
        let (student, teacher) = (SmallModel.encoder(), SmallModel.encoder(width: 16, layers: 3, seed: 2))
        let batch = data.batch(Array(0..<8))
        let ours = student.forward(batch, on: Tape(recording: false)).hiddenStates
        let theirs = teacher.forward(batch, on: Tape(recording: false)).hiddenStates
        var expected = 0.0
        for (s, t) in [(0, 0), (2, 3)] {
            for (a, b) in zip(ours[s].value.values, theirs[t].value.values) {
                expected += Double(a - b) * Double(a - b) / Double(2 * 16 * batch.tokens.count)
            }
        }
        let found = try gradients(objective, Array(0..<8), microBatch: 3, dropout: nil).loss
        #expect(abs(Double(found) - expected) < 1e-5 * expected)
    }

    @Test("compares relations and attention maps of the layers that it names, in every micro-batch by the whole step")
    func attention() throws {
        var weights = inner
        (weights.crossEntropy, weights.kl, weights.features) = (0, 0, 0)
        weights.featurePairs = []
        let objective = try objective(weights, dropout: 0)
        let (student, teacher) = (SmallModel.encoder(), SmallModel.encoder(width: 20, layers: 3, seed: 2))
        let batch = data.batch(Array(0..<8))
        func states(_ encoder: Encoder, _ layer: Int, _ part: AttentionPart) -> Variable {
            encoder.forward(batch, on: Tape(recording: false), attentionLayers: [layer]).attentionStates[layer]![part]!
        }
        let tape = Tape(recording: false)
        var expected: Float = 0
        for part in AttentionPart.allCases {
            expected +=
                0.9
                * tape.attentionRelations(
                    states(student, 1, part), teacher: states(teacher, 2, part).value, heads: 4, offsets: batch.offsets,
                    normalizer: batch.tokens.count
                ).value.scalar
        }
        for (ours, theirs) in [(1, 1), (2, 3)] {
            expected +=
                0.3
                * tape.attentionMaps(
                    queries: states(student, ours, .query), keys: states(student, ours, .key),
                    teacher: (states(teacher, theirs, .query).value, states(teacher, theirs, .key).value), heads: 2,
                    offsets: batch.offsets, pairs: data.sequences.reduce(0) { $0 + $1.count * $1.count }
                ).value.scalar
        }
        for size in [8, 3] {
            let found = try gradients(objective, Array(0..<8), microBatch: size, dropout: nil).loss
            #expect(abs(found - expected) < 1e-5 * expected)
        }
    }

    @Test("gives a checkpointing tape the same gradients, whatever layers it asks about")
    func checkpointing() throws {
        let objective = try objective(inner)
        let order = Array(0..<8)
        let expected = try gradients(objective, order, microBatch: 8, dropout: dropout).gradients
        for parameter in objective.parameters { parameter.gradient.clear() }
        let tape = Tape(checkpointing: true)
        tape.backward(
            from: try objective.loss(
                of: order, in: StepScope(lengths: order.map(objective.length), dropout: dropout), on: tape
            ).loss)
        expectSame(objective.parameters.map(\.gradient.value.values), expected, "checkpointing", objective)
    }

    @Test("refuses heads that do not fit, in the student and in the teacher, naming key and remedy")
    func misfits() throws {
        func refusal(_ change: (inout LossWeights) -> Void, teacherHeads: Int = 2) throws -> InputError? {
            var weights = inner
            change(&weights)
            return #expect(throws: InputError.self) {
                let objective = try DistillationObjective(
                    student: SmallModel.encoder(), data: data,
                    targets: LiveTeacher(
                        teacher: SmallModel.encoder(width: 20, layers: 3, heads: teacherHeads, seed: 2)),
                    weights: weights, key: RandomKey(6))
                _ = try gradients(objective, [0, 1], microBatch: 2, dropout: nil)
            }
        }
        let student = try refusal { $0.relations!.heads = 5 }
        #expect(student?.field == "loss.relations.heads" && student?.problem.contains("width 16") == true)
        let teacher = try refusal { $0.relations!.heads = 8 }
        #expect(teacher?.field == "loss.relations.heads" && teacher?.problem.contains("width 20") == true)
        let maps = try refusal({ $0.relations = nil }, teacherHeads: 4)
        #expect(maps?.field == "loss.attention.pairs" && maps?.remedy?.contains("loss.relations") == true)
    }

    @Test("recovers after compression without what is inside of the models, unless that is all there is")
    func recovery() {
        let recovery = inner.forRecovery
        #expect(recovery.features == 0 && recovery.relations == nil && recovery.attention == 0)
        #expect(recovery.kl == inner.kl && recovery.divergence == inner.divergence)
        var only = inner
        (only.crossEntropy, only.kl) = (0, 0)
        #expect(only.forRecovery.attention == inner.attention && only.forRecovery.relations?.heads == 4)
    }
}
