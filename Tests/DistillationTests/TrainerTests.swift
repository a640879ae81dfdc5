import Distillation
import Foundation
import Layers
import Models
import Tensors
import Testing

/// Minimizes ½ Σ w² of one parameter, and gives a NaN loss where it is told to.
private final class FaultyObjective: Objective {
    let parameter = Parameter(name: "w", value: Tensor([1, -2, 3], shape: [3]), decays: true)
    /// Calls, from 0, whose loss is not a number.
    let faults: Set<Int>
    private(set) var calls = 0
    /// The examples of each call.
    private(set) var asked: [[Int]] = []
    /// Of the loss.
    var scale: Float = 1
    let exampleCount = 4

    init(faults: Set<Int>) {
        self.faults = faults
    }

    func length(of example: Int) -> Int { 1 }

    func loss(of examples: [Int], in scope: StepScope, on tape: Tape) throws -> (loss: Variable, terms: [LossTerm]) {
        defer { calls += 1 }
        asked.append(examples)
        let w = parameter.on(tape)
        let target = Tensor(repeating: faults.contains(calls) ? .nan : 0, shape: [3])
        let loss = tape.featureMSE(w, teacher: target, normalizer: scope.examples)
        return (tape.weightedSum([(scale, loss)]), [])
    }
}

@Suite("Trainer")
struct TrainerTests {
    private func options(
        steps: Int = 6, batch: Int = 4, microBatch: Int = 4, clip: Float = 0, seed: UInt64 = 1
    ) -> TrainingOptions {
        TrainingOptions(
            totalSteps: steps, batch: batch, microBatch: microBatch, learningRate: 0.01, decay: .constant, warmUp: 0,
            clip: clip, weightDecay: 0.1, seed: seed)
    }

    @Test("never lets a NaN loss reach the weights, says so, and goes on", arguments: [2, 4])
    func notANumber(_ microBatch: Int) throws {
        // With two micro-batches per step, the fault is in the second one of the second step.
        let objective = FaultyObjective(faults: [microBatch == 4 ? 1 : 3])
        let trainer = Trainer(
            parameters: [objective.parameter], objective: objective, options: options(microBatch: microBatch))
        #expect(try trainer.takeStep().applied)
        let (before, moments) = (objective.parameter.value.values, trainer.optimizer.firstMoments[0].values)
        let report = try trainer.takeStep()
        #expect(!report.applied && report.loss.isNaN && report.step == 2)
        #expect(objective.parameter.value.values == before)
        #expect(trainer.optimizer.firstMoments[0].values == moments)
        #expect(objective.parameter.gradient.value.values.allSatisfy { $0 == 0 })
        #expect(try trainer.takeStep().applied)
        #expect(objective.parameter.value.values != before)
        #expect(objective.parameter.value.isFinite)
        #expect(trainer.step == 3 && trainer.optimizer.step == 2)
    }

    @Test("names the examples whose loss is not a number, of the micro-batch alone", arguments: [1, 2, 4])
    func faulty(_ microBatch: Int) throws {
        let calls = 4 / microBatch
        let objective = FaultyObjective(faults: [calls])
        let trainer = Trainer(
            parameters: [objective.parameter], objective: objective, options: options(microBatch: microBatch))
        #expect(try trainer.takeStep().faulty.isEmpty)
        let report = try trainer.takeStep()
        #expect(report.faulty == objective.asked[calls] && report.faulty.count == microBatch)
        #expect(trainer.skipped == 1)
    }

    @Test("leaves out a gradient whose square is not finite, though itself and the loss are, and names the batch")
    func gradientAlone() throws {
        for weight: Float in [1e20, 1e30] {
            let objective = FaultyObjective(faults: [])
            objective.scale = weight
            let trainer = Trainer(parameters: [objective.parameter], objective: objective, options: options())
            let before = objective.parameter.value.values
            let report = try trainer.takeStep()
            #expect(report.loss.isFinite && !report.applied && report.faulty.count == 4, "\(weight)")
            #expect(objective.parameter.value.values == before)
            #expect(trainer.optimizer.secondMoments[0].isFinite)
        }
    }

    @Test("gives the state before the first of the steps that were left out last, until one is taken")
    func goodState() throws {
        let objective = FaultyObjective(faults: [2, 3, 4])
        let trainer = Trainer(
            parameters: [objective.parameter], objective: objective, options: options(steps: 9),
            validation: Validation(
                stopping: EarlyStopping(metric: .loss, every: 1, patience: 9, minimumDelta: 0),
                measure: { ValidationValues(loss: 1, accuracy: 0) }))
        for step in 1...2 {
            _ = try trainer.takeStep()
            #expect(trainer.state.step == step)
        }
        let good = trainer.state
        for skipped in 1...3 {
            #expect(try !trainer.takeStep().applied)
            #expect(trainer.skipped == skipped && trainer.step == 2 + skipped)
            #expect(trainer.state.step == 2 && trainer.state.misses == good.misses)
            #expect(trainer.state.weights[0].values == good.weights[0].values)
            #expect(trainer.state.firstMoments[0].values == good.firstMoments[0].values)
        }
        #expect(try trainer.takeStep().applied)
        #expect(trainer.skipped == 0 && trainer.state.step == 6 && trainer.state.optimizerStep == 3)
        #expect(good.weights[0].values != trainer.state.weights[0].values, "what was kept must not change")
        trainer.restore(good)
        #expect(trainer.step == 2 && objective.parameter.value.values == good.weights[0].values)
    }

    @Test("averages the weights of the steps that were taken, and of no other")
    func average() throws {
        let objective = FaultyObjective(faults: [1])
        var options = options(steps: 3)
        options.averageDecay = 0.9
        let trainer = Trainer(parameters: [objective.parameter], objective: objective, options: options)
        let average = try #require(trainer.average)
        let start = objective.parameter.value.values
        _ = try trainer.takeStep()
        let first = objective.parameter.value.values
        // d = 2/11 after the first step.
        let expected = zip(start, first).map { $0 * 2 / 11 + $1 * 9 / 11 }
        #expect(largestDifference(average.values[0].values, expected) < 1e-6)
        let before = average.values[0].values
        _ = try trainer.takeStep()
        #expect(average.values[0].values == before)
        _ = try trainer.takeStep()
        let last = objective.parameter.value.values
        #expect(average.values[0].values != last)
        trainer.finish()
        #expect(objective.parameter.value.values == average.values[0].values)
    }

    @Test("sees every example once per epoch, in an order of the epoch and the seed")
    func epochs() throws {
        final class Recorder: Objective {
            let parameter = Parameter(name: "w", value: Tensor([1], shape: [1]), decays: false)
            var seen: [[Int]] = []
            let exampleCount = 7
            func length(of example: Int) -> Int { example + 1 }
            func loss(
                of examples: [Int], in scope: StepScope, on tape: Tape
            ) throws -> (loss: Variable, terms: [LossTerm]) {
                seen.append(examples)
                #expect(scope.positions >= examples.reduce(0) { $0 + $1 + 1 })
                return (tape.featureMSE(parameter.on(tape), teacher: Tensor(zeros: [1]), normalizer: 1), [])
            }
        }
        func order(seed: UInt64) throws -> [[Int]] {
            let recorder = Recorder()
            let trainer = Trainer(
                parameters: [recorder.parameter], objective: recorder,
                options: options(steps: 6, batch: 3, microBatch: 2, seed: seed))
            var sizes: [Int] = []
            while !trainer.isFinished { sizes.append(try trainer.takeStep().examples) }
            #expect(sizes == [3, 3, 1, 3, 3, 1])
            try #require(recorder.seen.map(\.count) == [2, 1, 2, 1, 1, 2, 1, 2, 1, 1])
            return [Array(recorder.seen[..<5].joined()), Array(recorder.seen[5...].joined())]
        }
        let first = try order(seed: 1)
        #expect(first.allSatisfy { $0.sorted() == Array(0..<7) })
        #expect(first[0] != first[1])
        #expect(try order(seed: 1) == first)
        #expect(try order(seed: 2) != first)
        #expect(TrainingOptions.steps(epochs: 2, examples: 7, batch: 3) == 6)
    }

    @Test("clips the gradient by its norm over all parameters, and reports the norm before clipping")
    func clipping() throws {
        // One step of AdamW hides the scale of the gradient; its second moment shows it.
        func secondMoments(clip: Float) throws -> (norm: Float, moments: [Float]) {
            let objective = FaultyObjective(faults: [])
            let trainer = Trainer(parameters: [objective.parameter], objective: objective, options: options(clip: clip))
            return (try trainer.takeStep().gradientNorm, trainer.optimizer.secondMoments[0].values)
        }
        let plain = try secondMoments(clip: 0)
        // ∂/∂w of Σ w² / (4 · 3) is w / 6; |w| = √14.
        #expect(abs(plain.norm - Float(14).squareRoot() / 6) < 1e-6)
        let clipped = try secondMoments(clip: plain.norm / 2)
        #expect(clipped.norm == plain.norm)
        #expect(
            largestDifference(clipped.moments.map { 4 * $0 }, plain.moments) < 1e-6 * largestMagnitude(plain.moments))
        #expect(try secondMoments(clip: 2 * plain.norm).moments == plain.moments)
    }
}
