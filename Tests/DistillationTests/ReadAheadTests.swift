import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Targets that are read ahead")
struct ReadAheadTests {
    private let teacher = LiveTeacher(teacher: SmallModel.encoder(width: 20, layers: 3, seed: 2))
    private let data = SmallModel.examples(40)

    /// Counts how often it is asked, from whichever thread.
    private final class Counting: TeacherTargets, @unchecked Sendable {
        let targets: LiveTeacher
        // Asked on one queue at a time.
        var asked = 0

        init(_ targets: LiveTeacher) {
            self.targets = targets
        }

        func logProbabilities(for sequences: [[Int32]]) throws -> Tensor {
            asked += 1
            return try targets.logProbabilities(for: sequences)
        }

        func hiddenStates(layer: Int, for sequences: [[Int32]]) throws -> Tensor {
            asked += 1
            guard !sequences.contains([]) else { throw InputError(problem: "an empty row") }
            return try targets.hiddenStates(layer: layer, for: sequences)
        }

        func width(layer: Int) throws -> Int { try targets.width(layer: layer) }
    }

    @Test("are what would be read then, foreseen or not")
    func same() throws {
        let ahead = ReadAheadTargets(teacher)
        let batches = (0..<6).map { Array(data.sequences[$0 * 4..<$0 * 4 + 4]) }
        for (index, rows) in batches.enumerated() {
            // Every other batch is another one than was announced.
            ahead.prepare(index % 2 == 0 ? rows : batches[0])
            #expect(
                try ahead.logProbabilities(for: rows).values == teacher.logProbabilities(for: rows).values)
            #expect(
                try ahead.hiddenStates(layer: 2, for: rows).values == teacher.hiddenStates(layer: 2, for: rows).values)
        }
        // Three were announced rightly; of the first of them it may not be known yet what will be asked.
        #expect((4...6).contains(ahead.answeredAhead) && ahead.answeredAhead + ahead.answeredLate == 12)
    }

    @Test("are read once, and a reading that fails is reported by the step that needs it")
    func failures() throws {
        let counting = Counting(teacher)
        let ahead = ReadAheadTargets(counting)
        let rows = Array(data.sequences.prefix(3))
        _ = try ahead.hiddenStates(layer: 1, for: rows)
        ahead.prepare(rows)
        _ = try ahead.hiddenStates(layer: 1, for: rows)
        #expect(counting.asked == 2 && ahead.answeredAhead == 1)
        ahead.prepare([[]])
        #expect(throws: InputError.self) { try ahead.hiddenStates(layer: 1, for: [[]]) }
    }

    @Test("are foreseen by a trainer once it has asked, across steps and epochs")
    func trainer() throws {
        let ahead = ReadAheadTargets(teacher)
        let weights = LossWeights(
            crossEntropy: 0.5, kl: 0.5, temperature: 2, temperatureSquared: true, features: 1, featurePairs: [(1, 2)])
        let objective = try DistillationObjective(
            student: SmallModel.encoder(), data: data, targets: ahead, weights: weights, key: RandomKey(1))
        let trainer = Trainer(
            parameters: objective.parameters, objective: objective,
            options: TrainingOptions(
                totalSteps: 9, batch: 10, microBatch: 4, learningRate: 1e-3, decay: .constant, warmUp: 0, clip: 1,
                weightDecay: 0, seed: 3))
        while !trainer.isFinished { _ = try trainer.takeStep() }
        // Nine steps of three micro-batches, two questions each. The second micro-batch is announced before the first has asked
        // anything: its reading may begin before it is known what will be asked.
        #expect((2...4).contains(ahead.answeredLate) && ahead.answeredAhead + ahead.answeredLate == 9 * 3 * 2)
    }
}
