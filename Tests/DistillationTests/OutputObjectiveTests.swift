import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("The objective of numbers and embeddings")
struct OutputObjectiveTests {
    private let rows = SmallModel.examples(12).sequences
    private let labels: [Float] = (0..<12).map { Float($0 % 5) - 1.5 }

    private static func encoder(_ head: EncoderConfiguration.Head, width: Int = 16, seed: UInt64 = 1) -> Encoder {
        var configuration = EncoderConfiguration(
            vocabularySize: SmallModel.vocabulary, hiddenSize: width, layers: 2, heads: 2, feedForward: 24,
            maximumPositions: SmallModel.positions, dropout: 0, pooling: .first, labels: ["value"])
        configuration.head = head
        if head == .embedding {
            (configuration.labels, configuration.pooling, configuration.normalizesEmbedding) = ([], .mean, true)
        }
        let encoder = Encoder(configuration, key: RandomKey(seed))
        for parameter in encoder.parameters where parameter.decays {
            parameter.value = Tensor(parameter.value.values.map { 10 * $0 }, shape: parameter.value.shape)
        }
        return encoder
    }

    private func weights(_ labels: Float, kind: LossWeights.FeatureLoss = .squaredError, features: Float = 0)
        -> OutputWeights
    {
        var matching = LossWeights.labelsOnly
        (matching.features, matching.featurePairs) = (features, features > 0 ? [(1, 2)] : [])
        return OutputWeights(labels: labels, output: 0.5, outputLoss: kind, matching: matching)
    }

    private func run(
        _ student: Encoder, _ targets: (any TeacherTargets)?, _ weights: OutputWeights, micro: Int = 12,
        order: [Int] = Array(0..<12)
    ) throws -> (loss: Float, terms: [LossTerm], gradients: [[Float]]) {
        let objective = try OutputObjective(
            student: student, sequences: rows, labels: weights.labels > 0 ? labels : nil, targets: targets,
            weights: weights, key: RandomKey(6))
        let scope = StepScope(lengths: order.map(objective.length), dropout: nil)
        var (loss, terms) = (Float(0), [LossTerm]())
        for start in stride(from: 0, to: order.count, by: micro) {
            let tape = Tape()
            let part = try objective.loss(
                of: Array(order[start..<min(start + micro, order.count)]), in: scope, on: tape)
            tape.backward(from: part.loss)
            loss += part.loss.value.scalar
            terms = part.terms
        }
        return (loss, terms, objective.parameters.map(\.gradient.value.values))
    }

    private func recorded(_ teacher: Encoder, in directory: URL) throws -> SoftTargets {
        var plan = TargetPlan()
        (plan.kept, plan.isPooled, plan.hiddenLayers, plan.states) = (0, true, [2], .float32)
        _ = try SoftTargetRecorder(teacher: EncoderTeacher(teacher), plan: plan)
            .record(rows, to: directory) { _, _, _ in }
        return try SoftTargets(reading: directory)
    }

    @Test("is the mean squared error against labels and teacher")
    func regression() throws {
        let (student, teacher) = (Self.encoder(.regression), Self.encoder(.regression, width: 20, seed: 2))
        let (own, theirs) = (SmallModel.logits(student, rows), SmallModel.logits(teacher, rows))
        func meanSquare(_ wanted: [Float]) -> Float {
            zip(own, wanted).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / 12
        }
        try withDirectory { directory in
            let found = try run(student, recorded(teacher, in: directory), weights(0.3))
            #expect(found.terms.map(\.name) == ["squared_error", "output"])
            #expect(abs(found.terms[0].value / meanSquare(labels) - 1) < 1e-5)
            #expect(abs(found.terms[1].value / meanSquare(theirs) - 1) < 1e-5)
            #expect(abs(found.loss / (0.3 * meanSquare(labels) + 0.5 * meanSquare(theirs)) - 1) < 1e-5)
        }
        let alone = try run(Self.encoder(.regression), nil, .labelsOnly)
        #expect(abs(alone.loss / meanSquare(labels) - 1) < 1e-5)
    }

    @Test("of embeddings is 1 − the cosine, and through a projection where the widths differ")
    func embedding() throws {
        let student = Self.encoder(.embedding)
        let teacher = Self.encoder(.embedding, seed: 2)
        let (own, theirs) = (SmallModel.logits(student, rows), SmallModel.logits(teacher, rows))
        // Both are of length 1.
        let cosines = (0..<12).map { row in
            (0..<16).reduce(Float(0)) { $0 + own[row * 16 + $1] * theirs[row * 16 + $1] }
        }
        let expected = cosines.reduce(0) { $0 + (1 - $1) } / 12
        try withDirectory { directory in
            let found = try run(student, recorded(teacher, in: directory), weights(0, kind: .cosine))
            #expect(abs(found.terms[0].value / expected - 1) < 1e-5)
        }
        try withDirectory { directory in
            let wide = try recorded(Self.encoder(.embedding, width: 24, seed: 2), in: directory)
            let student = Self.encoder(.embedding)
            let found = try run(student, wide, weights(0, kind: .cosine))
            #expect(found.gradients.count == student.parameters.count + 2)
            #expect(largestMagnitude(found.gradients[student.parameters.count]) > 0)
        }
    }

    @Test(
        "gives the same gradient however a step is split and ordered, from recorded targets and a live teacher",
        arguments: [1, 3, 4])
    func invariance(micro: Int) throws {
        let teacher = Self.encoder(.regression, width: 20, seed: 2)
        try withDirectory { directory in
            let targets = ReadAheadTargets(try recorded(teacher, in: directory))
            let whole = try run(Self.encoder(.regression), targets, weights(0.3, features: 0.4))
            let live = try Distillation.LiveTeacher(teacher, hiddenLayers: [2])
            let others = [
                try run(
                    Self.encoder(.regression), targets, weights(0.3, features: 0.4), micro: micro,
                    order: (0..<12).map { $0 * 5 % 12 }),
                try run(Self.encoder(.regression), live, weights(0.3, features: 0.4)),
            ]
            let largest = whole.gradients.map(largestMagnitude).max()!
            for other in others {
                #expect(abs(other.loss / whole.loss - 1) < 1e-5)
                for (a, b) in zip(other.gradients, whole.gradients) {
                    #expect(largestDifference(a, b) < 2e-5 * largest)
                }
            }
        }
    }

    @Test("of targets without such vectors says what is missing")
    func missing() throws {
        struct Nothing: TeacherTargets {
            func hiddenStates(layer: Int, for sequences: [[Int32]]) -> Tensor { Tensor(zeros: [0, 16]) }
            func width(layer: Int) -> Int { 16 }
        }
        let error = #expect(throws: InputError.self) {
            try run(Self.encoder(.regression), Nothing(), weights(0.3))
        }
        #expect(error?.problem.contains("no numbers or embeddings") == true)
    }
}
