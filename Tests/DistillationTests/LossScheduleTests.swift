import Distillation
import Layers
import Models
import Tensors
import Testing

@Suite("Loss weights and temperature that change")
struct LossScheduleTests {
    private let data = SmallModel.examples(6)

    private func objective(_ weights: LossWeights) throws -> DistillationObjective {
        try DistillationObjective(
            student: SmallModel.encoder(), data: data,
            targets: LiveTeacher(teacher: SmallModel.encoder(width: 20, layers: 3, seed: 2)), weights: weights,
            key: RandomKey(6))
    }

    private var start: LossWeights {
        LossWeights(
            crossEntropy: 0.2, kl: 0.9, temperature: 4, temperatureSquared: true, features: 2, featurePairs: [(1, 1)],
            relations: LossWeights.Relations(weight: 0.5, studentLayer: 1, teacherLayer: 2, heads: 4), attention: 0.4,
            attentionPairs: [(2, 3)])
    }

    private let ends = LossWeights.Ends(
        crossEntropy: 0.8, kl: 0.1, temperature: 1, features: 0, relations: 1.5, attention: 0)

    /// The loss, its terms and the gradients at one point of the training.
    private func step(_ weights: LossWeights, progress: Double) throws -> (Float, [String], [[Float]]) {
        let objective = try objective(weights)
        let scope = StepScope(lengths: data.sequences.map(\.count), dropout: nil, progress: progress)
        let tape = Tape()
        let result = try objective.loss(of: Array(0..<6), in: scope, on: tape)
        tape.backward(from: result.loss)
        return (result.loss.value.scalar, result.terms.map(\.name), objective.parameters.map(\.gradient.value.values))
    }

    @Test("are those of the first step, of the last, and linear between", arguments: [0.0, 0.25, 0.5, 1])
    func linear(_ progress: Double) throws {
        var changing = start
        changing.end = ends
        var constant = start
        func between(_ a: Double, _ b: Double) -> Double { a + progress * (b - a) }
        constant.crossEntropy = Float(between(0.2, 0.8))
        constant.kl = Float(between(0.9, 0.1))
        constant.temperature = between(4, 1)
        constant.features = Float(between(2, 0))
        constant.relations!.weight = Float(between(0.5, 1.5))
        constant.attention = Float(between(0.4, 0))
        let (found, expected) = (try step(changing, progress: progress), try step(constant, progress: 0))
        #expect(abs(found.0 - expected.0) < 1e-5 * expected.0)
        // A term whose weight has become 0 is no longer computed.
        #expect(found.1 == expected.1 && found.1.contains("features") == (progress < 1))
        for (a, b) in zip(found.2, expected.2) { #expect(largestDifference(a, b) < 1e-5 * (1 + largestMagnitude(b))) }
    }

    @Test("ask the teacher where a weight is 0 in the first step and not in the last")
    func fromZero() throws {
        var weights = LossWeights.labelsOnly
        weights.end = LossWeights.Ends(crossEntropy: 0, kl: 1)
        #expect(try step(weights, progress: 0).1 == ["cross_entropy"])
        #expect(try step(weights, progress: 0.5).1 == ["cross_entropy", "kl"])
        #expect(try step(weights, progress: 1).1 == ["kl"])
    }

    @Test("go from the first step to the last of a trainer, which hears how far it has come")
    func trainer() throws {
        final class Listener: Objective {
            let parameter = Parameter(name: "w", value: Tensor([1], shape: [1]), decays: false)
            var heard: [Double] = []
            let exampleCount = 3
            func length(of example: Int) -> Int { 1 }
            func loss(
                of examples: [Int], in scope: StepScope, on tape: Tape
            ) throws -> (loss: Variable, terms: [LossTerm]) {
                heard.append(scope.progress)
                return (tape.featureMSE(parameter.on(tape), teacher: Tensor(zeros: [1]), normalizer: 1), [])
            }
        }
        func heard(steps: Int) throws -> [Double] {
            let listener = Listener()
            let trainer = Trainer(
                parameters: [listener.parameter], objective: listener,
                options: TrainingOptions(
                    totalSteps: steps, batch: 3, microBatch: 3, learningRate: 0.01, decay: .constant, warmUp: 0,
                    clip: 0, weightDecay: 0, seed: 1))
            while !trainer.isFinished { _ = try trainer.takeStep() }
            return listener.heard
        }
        #expect(try heard(steps: 5) == [0, 0.25, 0.5, 0.75, 1])
        #expect(try heard(steps: 1) == [0])
    }

    @Test("recover after compression as they ended")
    func recovery() {
        var weights = start
        weights.end = ends
        let recovery = weights.forRecovery
        #expect(recovery.crossEntropy == 0.8 && recovery.kl == 0.1 && recovery.temperature == 1)
        #expect(recovery.features == 0 && recovery.relations == nil && recovery.end == LossWeights.Ends())
        weights.end.kl = 0
        weights.end.crossEntropy = 0
        #expect(weights.forRecovery.relations?.weight == 1.5)
    }
}
