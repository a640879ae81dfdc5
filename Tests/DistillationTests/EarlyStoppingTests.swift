import Distillation
import Layers
import Tensors
import Testing

/// Minimizes ½ Σ w², and remembers nothing.
private final class Slope: Objective {
    let parameter = Parameter(name: "w", value: Tensor([1, -2, 3], shape: [3]), decays: true)
    let exampleCount = 4

    func length(of example: Int) -> Int { 1 }

    func loss(of examples: [Int], in scope: StepScope, on tape: Tape) throws -> (loss: Variable, terms: [LossTerm]) {
        (tape.featureMSE(parameter.on(tape), teacher: Tensor(zeros: [3]), normalizer: scope.examples), [])
    }
}

@Suite("Early stopping")
struct EarlyStoppingTests {
    /// Takes steps until the trainer has finished; the validation rows say what the lists hold, in their order.
    private func run(
        _ values: [Double], metric: EarlyStopping.Metric, every: Int = 2, patience: Int = 2, delta: Double = 0,
        steps: Int = 20, average: Float? = nil
    ) throws -> (trainer: Trainer, weights: [[Float]], seen: [[Float]], looks: [Int]) {
        let slope = Slope()
        var seen: [[Float]] = []
        let validation = Validation(
            stopping: EarlyStopping(metric: metric, every: every, patience: patience, minimumDelta: delta),
            measure: {
                defer { seen.append(slope.parameter.value.values) }
                let value = values[min(seen.count, values.count - 1)]
                return ValidationValues(loss: metric == .loss ? value : 0, accuracy: metric == .accuracy ? value : 0)
            })
        let trainer = Trainer(
            parameters: [slope.parameter], objective: slope,
            options: TrainingOptions(
                totalSteps: steps, batch: 4, microBatch: 4, learningRate: 0.01, decay: .constant, warmUp: 0, clip: 0,
                weightDecay: 0, seed: 1, averageDecay: average), validation: validation)
        var weights: [[Float]] = []
        var looks: [Int] = []
        while !trainer.isFinished {
            let report = try trainer.takeStep()
            weights.append(slope.parameter.value.values)
            if report.validation != nil { looks.append(report.step) }
        }
        trainer.finish()
        weights.append(slope.parameter.value.values)
        return (trainer, weights, seen, looks)
    }

    @Test("ends after patience and takes the weights that did best, for a loss and for an accuracy")
    func stops() throws {
        let falling = try run([0.5, 0.3, 0.4, 0.35, 0.1], metric: .loss)
        #expect(falling.looks == [2, 4, 6, 8] && falling.trainer.stoppedEarly)
        #expect(falling.trainer.best?.step == 4 && falling.trainer.best?.value == 0.3)
        #expect(falling.weights.last == falling.weights[3] && falling.weights[3] != falling.weights[7])
        let rising = try run([0.5, 0.6, 0.7, 0.7, 0.65, 0.9], metric: .accuracy)
        #expect(rising.looks == [2, 4, 6, 8, 10] && rising.trainer.best?.step == 6)
        #expect(rising.weights.last == rising.weights[5])
    }

    @Test("takes all steps while there are improvements, looks after the last one too, and takes the best")
    func allSteps() throws {
        let all = try run([0.5, 0.4, 0.3, 0.2], metric: .loss, every: 3, patience: 1, steps: 10)
        #expect(all.looks == [3, 6, 9, 10] && !all.trainer.stoppedEarly && all.trainer.step == 10)
        #expect(all.trainer.best?.step == 10)
    }

    @Test("counts no improvement that is not larger than min_delta, and none that is not a number")
    func smallSteps() throws {
        let small = try run([0.5, 0.45, 0.41], metric: .loss, delta: 0.1)
        #expect(small.looks == [2, 4, 6] && small.trainer.best?.step == 2)
        let broken = try run([.nan, .nan, 0.5, .nan, .infinity], metric: .loss, patience: 3)
        #expect(broken.looks == [2, 4, 6, 8, 10, 12] && broken.trainer.best?.step == 6)
        let never = try run([.nan], metric: .accuracy, patience: 3)
        #expect(never.trainer.best == nil && never.looks == [2, 4, 6])
        #expect(never.weights.last == never.weights.dropLast().last)
    }

    @Test("shows the validation rows the average, takes that, and trains on with the weights")
    func averages() throws {
        let plain = try run([0.5, 0.4, 0.6], metric: .loss)
        let averaged = try run([0.5, 0.4, 0.6], metric: .loss, average: 0.99)
        #expect(averaged.weights.dropLast() == plain.weights.dropLast())
        #expect(plain.seen[1] == plain.weights[3] && averaged.seen[1] != plain.seen[1])
        #expect(averaged.weights.last == averaged.seen[1])
    }

    @Test("the validation values of logits are those of the textbook, and NaN where a logit is")
    func values() {
        let logits: [Float] = [1, 2, 0.5, -1, -1, 3, 0, 0, 0, 5, -5, 2]
        let labels = [1, 0, 0, 2]
        let log = logSoftmax(logits.map(Double.init), width: 3)
        let loss = -labels.enumerated().reduce(0.0) { $0 + log[$1.offset * 3 + $1.element] } / 4
        let values = ValidationValues(logits: logits, labels: labels)
        #expect(abs(values.loss - loss) < 1e-12 && values.accuracy == 0.5)
        let broken = ValidationValues(logits: [.nan, 0, 0, 1], labels: [0, 1])
        #expect(broken.loss.isNaN)
    }
}
