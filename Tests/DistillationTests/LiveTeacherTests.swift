import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("A live teacher")
struct LiveTeacherTests {
    private let data = SmallModel.examples(20)
    private let teacher = SmallModel.encoder(width: 20, layers: 3, seed: 2)

    private func asked(hidden: Set<Int> = [0, 3], attention: Set<Int> = [2, 3]) throws -> Distillation.LiveTeacher {
        try Distillation.LiveTeacher(teacher, hiddenLayers: hidden, attentionLayers: attention)
    }

    @Test("says what the model says, about every layer that was asked for")
    func answers() throws {
        let (live, expected) = (try asked(), LiveTeacher(teacher: teacher))
        for rows in [data.sequences, Array(data.sequences[3..<5]), data.sequences] {
            #expect(
                largestDifference(
                    try live.logProbabilities(for: rows).values, try expected.logProbabilities(for: rows).values) < 1e-6
            )
            for layer in [0, 3] {
                #expect(
                    try live.hiddenStates(layer: layer, for: rows).values
                        == expected.hiddenStates(layer: layer, for: rows).values)
                #expect(try live.width(layer: layer) == 20)
            }
            for part in AttentionPart.allCases {
                let found = try live.attentionStates(part, layer: 2, for: rows)
                #expect(found.shape == [rows.reduce(0) { $0 + $1.count }, 20])
                #expect(try found.values == expected.attentionStates(part, layer: 2, for: rows).values)
            }
        }
        #expect(try live.heads(layer: 3) == 2)
    }

    @Test("runs the teacher once per batch for all that is asked about it")
    func once() throws {
        let (live, rows) = (try asked(), Array(data.sequences[..<6]))
        let (logits, states) = (try live.logProbabilities(for: rows), try live.hiddenStates(layer: 3, for: rows))
        // Another teacher would say something else, if it were asked.
        for parameter in teacher.parameters { parameter.value = parameter.value.scaled(by: 0.5) }
        #expect(try live.logProbabilities(for: rows).values == logits.values)
        #expect(try live.hiddenStates(layer: 3, for: rows).values == states.values)
        _ = try live.logProbabilities(for: Array(rows.reversed()))
        #expect(try live.logProbabilities(for: rows).values != logits.values)
    }

    @Test(
        "and targets recorded in float32, read ahead, give the same loss and gradients", arguments: DivergenceTests.all)
    func recorded(_ divergence: Divergence) throws {
        var weights = LossWeights(
            crossEntropy: 0.3, kl: 0.5, divergence: divergence, temperature: 2, temperatureSquared: true, features: 0.7,
            featureLoss: divergence == .reverseKL ? .cosine : .squaredError, featurePairs: [(0, 0), (2, 3)])
        weights.relations = .init(weight: 0.4, studentLayer: 2, teacherLayer: 3, heads: 4)
        weights.attention = 0.2
        weights.attentionPairs = [(1, 2)]
        func run(_ targets: any TeacherTargets) throws -> (loss: Float, gradients: [[Float]]) {
            let objective = try DistillationObjective(
                student: SmallModel.encoder(), data: data, targets: targets, weights: weights, key: RandomKey(6))
            let tape = Tape()
            let order = Array(0..<20)
            let scope = StepScope(lengths: order.map(objective.length), dropout: nil)
            let loss = try objective.loss(of: order, in: scope, on: tape).loss
            tape.backward(from: loss)
            return (loss.value.scalar, objective.parameters.map(\.gradient.value.values))
        }
        try withDirectory { directory in
            let url = directory.appendingPathComponent("targets.h5")
            var plan = TargetPlan()
            plan.hiddenLayers = [0, 3]
            plan.attentionLayers = [2, 3]
            plan.states = .float32
            let recorder = SoftTargetRecorder(teacher: EncoderTeacher(teacher), plan: plan)
            _ = try recorder.record(data.sequences, to: url) { _, _, _ in }
            let recorded = try run(ReadAheadTargets(SoftTargets(reading: url, outcomes: 3)))
            let live = try run(asked(hidden: [0, 3], attention: [2, 3]))
            #expect(abs(live.loss / recorded.loss - 1) < 1e-5)
            let largest = live.gradients.map(largestMagnitude).max()!
            for (live, recorded) in zip(live.gradients, recorded.gradients) {
                #expect(largestDifference(live, recorded) < 1e-5 * largest)
            }
        }
    }

    @Test("refuses layers that the teacher has not or that were not asked for, and logits that are not numbers")
    func refusals() throws {
        for (hidden, attention) in [(Set([4]), Set<Int>()), ([0], [0]), ([0], [4])] {
            let error = #expect(throws: InputError.self) { try asked(hidden: hidden, attention: attention) }
            #expect(error?.problem.contains("has 3 layers") == true)
        }
        let live = try asked()
        #expect(throws: InputError.self) { try live.width(layer: 1) }
        #expect(throws: InputError.self) { try live.hiddenStates(layer: 1, for: data.sequences) }
        #expect(throws: InputError.self) { try live.attentionStates(.key, layer: 1, for: data.sequences) }
        #expect(throws: InputError.self) { try live.heads(layer: 1) }
        teacher.classifier!.weight.value = Tensor(repeating: .nan, shape: [3, 20])
        let error = #expect(throws: InputError.self) { try live.logProbabilities(for: data.sequences) }
        #expect(error?.problem.contains("NaN") == true)
    }

    /// Targets of the classes alone.
    private struct Predictions: TeacherTargets {
        func logProbabilities(for sequences: [[Int32]]) -> Tensor { Tensor(zeros: [sequences.count, 3]) }
        func hiddenStates(layer: Int, for sequences: [[Int32]]) -> Tensor { Tensor(zeros: [0, 16]) }
        func width(layer: Int) -> Int { 16 }
    }

    @Test("targets without attention say so, with a way out")
    func withoutAttention() throws {
        var weights = LossWeights.labelsOnly
        weights.relations = .init(weight: 1, studentLayer: 2, teacherLayer: 3, heads: 4)
        let objective = try DistillationObjective(
            student: SmallModel.encoder(), data: data, targets: Predictions(), weights: weights, key: RandomKey(6))
        let error = #expect(throws: InputError.self) {
            try objective.loss(of: [0], in: StepScope(lengths: [objective.length(of: 0)], dropout: nil), on: Tape())
        }
        #expect(error?.remedy?.contains("teacher.targets.source=live") == true)
        (weights.relations, weights.attention, weights.attentionPairs) = (nil, 1, [(1, 1)])
        #expect(throws: InputError.self) {
            try DistillationObjective(
                student: SmallModel.encoder(), data: data, targets: Predictions(), weights: weights, key: RandomKey(6))
        }
    }
}
