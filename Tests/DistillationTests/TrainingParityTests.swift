import Distillation
import Foundation
import Layers
import Models
import Tensors
import Testing

/// The recorded teacher of the golden run; its rows are asked for in any order.
private struct GoldenTargets: TeacherTargets {
    let golden: GoldenTraining.Training

    private func index(_ sequence: [Int32]) -> Int { golden.sequences.firstIndex(of: sequence)! }

    func logProbabilities(for sequences: [[Int32]]) throws -> Tensor {
        let all = logSoftmax(golden.probabilities.tensor.values.map { log(Double($0)) }, width: 3)
        let chosen = sequences.flatMap { sequence in (0..<3).map { Float(all[index(sequence) * 3 + $0]) } }
        return Tensor(chosen, shape: [sequences.count, 3])
    }

    func hiddenStates(layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        let stored = golden.hiddenStates[golden.pairs.firstIndex { $0[1] == layer }!].tensor
        let (values, width) = (stored.values, stored.width)
        let chosen = sequences.flatMap { sequence in
            let start = golden.sequences[..<index(sequence)].reduce(0) { $0 + $1.count } * width
            return values[start..<start + sequence.count * width]
        }
        return Tensor(chosen, shape: [chosen.count / width, width])
    }

    func width(layer: Int) throws -> Int {
        golden.pairs.first { $0[1] == layer }![2]
    }
}

@Suite("Training parity with torch")
struct TrainingParityTests {
    /// Float32 agrees with the reference's float64 to 1e-5 of the loss; gradient norms, which are not averages over
    /// thousands of products, to 1e-4. bfloat16 rounds each operand to 2⁻⁹ of its size: 2e-2 of the loss.
    @Test(
        "distils the same student: ten losses, terms and gradient norms",
        arguments: [
            (microBatch: 8, precision: Precision.float32, checkpointing: false), (3, .float32, false),
            (8, .float32, true), (8, .bfloat16, false), (3, .bfloat16, true),
        ])
    func tenSteps(_ microBatch: Int, _ precision: Precision, _ checkpointing: Bool) throws {
        let golden = try GoldenTraining.read().training
        let student = Encoder(unfilled: try GoldenTraining.configuration())
        let options = golden.options
        let objective = try DistillationObjective(
            student: student, data: LabelledSequences(sequences: golden.sequences, labels: golden.labels),
            targets: GoldenTargets(golden: golden),
            weights: LossWeights(
                crossEntropy: options.crossEntropy, kl: options.kl, temperature: options.temperature,
                temperatureSquared: true, features: options.features,
                featurePairs: golden.pairs.map { ($0[0], $0[1]) }),
            key: RandomKey(1))
        #expect(objective.parameters.map(\.name).suffix(2) == ["projector.1.weight", "projector.1.bias"])
        #expect(objective.parameterCount == golden.weights.values.reduce(0) { $0 + $1.tensor.count })
        try golden.fill(objective.parameters)
        let trainer = Trainer(
            parameters: objective.parameters, objective: objective,
            options: TrainingOptions(
                totalSteps: golden.steps.count, batch: golden.labels.count, microBatch: microBatch,
                learningRate: options.peak, decay: .linear, warmUp: options.warmUp, clip: options.clip,
                weightDecay: options.weightDecay, seed: 5, precision: precision, checkpointing: checkpointing))
        for (step, expected) in golden.steps.enumerated() {
            let report = try trainer.takeStep()
            let tolerance: Float = precision == .float32 ? 1e-5 : 2e-2
            func check(_ name: String, _ found: Float?, _ expected: Float, _ tolerance: Float) {
                guard let found else {
                    Issue.record("no \(name)")
                    return
                }
                #expect(abs(found - expected) <= tolerance * abs(expected), "\(name), step \(step)")
            }
            check("loss", report.loss, expected.loss, tolerance)
            for (name, value) in [
                ("cross_entropy", expected.crossEntropy), ("kl", expected.kl), ("features", expected.features),
            ] {
                check(name, report.terms.first { $0.name == name }?.value, value, 2 * tolerance)
            }
            check("gradient norm", report.gradientNorm, expected.gradientNorm, 10 * tolerance)
            check("learning rate", report.learningRate, expected.learningRate, 1e-6)
            #expect(report.applied && report.examples == 8 && report.step == step + 1)
        }
        #expect(trainer.isFinished)
    }
}
