import Compression
import Distillation
import Layers
public import Models
import Tensors

/// Trains pruned models against the whole one for a few steps, to see what they recover: pruning alone ranks models by what
/// they lost, and what can be learned again is another order.
public struct ShortDistillation {
    private let teacher: Models.Encoder
    private let texts: [[Int32]]
    private let steps: Int
    private let seed: UInt64

    /// - Parameters:
    ///   - teacher: the whole model; it runs in every step.
    ///   - texts: at least one, and none of those that the models are compared on.
    ///   - steps: of 16 texts each.
    public init(teacher: Models.Encoder, texts: [[Int32]], steps: Int, seed: UInt64) {
        precondition(!texts.isEmpty, "ShortDistillation: no texts")
        self.teacher = teacher
        self.texts = texts
        self.steps = steps
        self.seed = seed
    }

    /// Trains the student in place: by KL at T = 1, of numbers and embeddings by the squared error.
    ///
    /// - Throws: `InputError` where a loss is not finite; what interrupts the process.
    public func callAsFunction(_ student: Models.Encoder) throws {
        let targets = try LiveTeacher(teacher, hiddenLayers: [])
        let options = TrainingOptions(
            totalSteps: steps, batch: 16, microBatch: 16, learningRate: 1e-4, decay: .linear, warmUp: 0.1, clip: 1,
            weightDecay: 0.01, seed: seed)
        let trainer: Trainer
        if student.configuration.head == .classification {
            let weights = LossWeights(
                crossEntropy: 0, kl: 1, temperature: 1, temperatureSquared: true, features: 0, featurePairs: [])
            let objective = try DistillationObjective(
                student: student, data: .init(sequences: texts, labels: texts.map { _ in 0 }), targets: targets,
                weights: weights, key: RandomKey(seed))
            trainer = Trainer(parameters: objective.parameters, objective: objective, options: options)
        } else {
            let objective = try OutputObjective(
                student: student, sequences: texts, labels: nil, targets: targets,
                weights: .init(labels: 0, output: 1, outputLoss: .squaredError, matching: .labelsOnly),
                key: RandomKey(seed))
            trainer = Trainer(parameters: objective.parameters, objective: objective, options: options)
        }
        while !trainer.isFinished {
            try Interruption.check()
            _ = try trainer.takeStep()
        }
        trainer.finish()
    }
}
