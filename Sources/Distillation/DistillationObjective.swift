public import Layers
public import Models
public import Tensors

/// The weights of the combined loss a_ce · CE + a_kl · T² · KL + a_f · Σ F / pairs.
public struct LossWeights: Sendable {
    public var crossEntropy: Float
    public var kl: Float
    public var temperature: Double
    public var temperatureSquared: Bool
    public var features: Float
    /// Hidden states that are matched: (student layer, teacher layer), 0 the embedding output.
    public var featurePairs: [(student: Int, teacher: Int)]

    public init(
        crossEntropy: Float, kl: Float, temperature: Double, temperatureSquared: Bool, features: Float,
        featurePairs: [(student: Int, teacher: Int)]
    ) {
        self.crossEntropy = crossEntropy
        self.kl = kl
        self.temperature = temperature
        self.temperatureSquared = temperatureSquared
        self.features = features
        self.featurePairs = featurePairs
    }

    /// Cross-entropy with the labels alone.
    public static let labelsOnly = LossWeights(
        crossEntropy: 1, kl: 0, temperature: 1, temperatureSquared: true, features: 0, featurePairs: [])

    /// For recovering after compression: without the matching of hidden states, unless that is all there is.
    public var forRecovery: LossWeights {
        guard crossEntropy > 0 || kl > 0 else { return self }
        var weights = self
        weights.features = 0
        weights.featurePairs = []
        return weights
    }
}

/// What the teacher said, found by the token row.
public protocol TeacherTargets {
    /// The teacher's log-probabilities at T = 1 for each sequence: [B, classes].
    func logProbabilities(for sequences: [[Int32]]) throws -> Tensor
    /// The teacher's hidden states of one layer, sequence after sequence: [N, d_t].
    func hiddenStates(layer: Int, for sequences: [[Int32]]) throws -> Tensor
    /// The width d_t of a recorded layer.
    func width(layer: Int) throws -> Int
}

/// Teaches a student by labels and by a teacher's recorded targets.
public final class DistillationObjective: Objective, Module {
    private let student: Encoder
    private let data: LabelledSequences
    private let targets: (any TeacherTargets)?
    private let weights: LossWeights
    /// One learned projection per pair whose widths differ; trained with the student, never exported.
    private let projectors: [Linear?]

    /// - Parameters:
    ///   - targets: needed where the weights ask for KL or features.
    ///   - key: draws the projectors' first values.
    public init(
        student: Encoder, data: LabelledSequences, targets: (any TeacherTargets)?, weights: LossWeights, key: RandomKey
    ) throws {
        precondition(
            targets != nil || weights.kl == 0 && weights.features == 0,
            "DistillationObjective: no targets for \(weights)")
        self.student = student
        self.data = data
        self.targets = targets
        self.weights = weights
        let width = student.configuration.hiddenSize
        projectors = try weights.featurePairs.enumerated().map { index, pair in
            guard let wanted = try targets?.width(layer: pair.teacher), wanted != width else { return nil }
            return Linear(
                name: "projector.\(index)", input: width, output: wanted, deviation: 1 / Double(width).squareRoot(),
                key: key)
        }
    }

    /// The student's and the projectors'.
    public var parameters: [Parameter] {
        student.parameters + projectors.flatMap { $0?.parameters ?? [] }
    }

    public var exampleCount: Int { data.count }

    public func length(of example: Int) -> Int { data.sequences[example].count }

    public func loss(
        of examples: [Int], in scope: StepScope, on tape: Tape
    ) throws -> (loss: Variable, terms: [LossTerm]) {
        let output = student.forward(data.batch(examples), on: tape, dropout: scope.dropout)
        var weighted: [(weight: Float, value: Variable)] = []
        var terms: [LossTerm] = []
        func add(_ name: String, _ weight: Float, _ value: Variable) {
            weighted.append((weight, value))
            terms.append(LossTerm(name: name, value: value.value.scalar))
        }
        if weights.crossEntropy > 0 {
            let labels = examples.map { data.labels[$0] }
            add(
                "cross_entropy", weights.crossEntropy,
                tape.crossEntropy(output.logits, labels: labels, normalizer: scope.examples))
        }
        guard let targets else { return (tape.weightedSum(weighted), terms) }
        let sequences = examples.map { data.sequences[$0] }
        if weights.kl > 0 {
            let teacher = try targets.logProbabilities(for: sequences)
            add(
                "kl", weights.kl,
                tape.distillationKL(
                    output.logits, teacher: teacher, temperature: weights.temperature,
                    temperatureSquared: weights.temperatureSquared, normalizer: scope.examples))
        }
        if weights.features > 0 {
            let share = 1 / Float(weights.featurePairs.count)
            var mean: [(weight: Float, value: Variable)] = []
            for (pair, projector) in zip(weights.featurePairs, projectors) {
                let hidden = output.hiddenStates[pair.student]
                let projected = projector.map { $0(hidden, on: tape) } ?? hidden
                let wanted = try targets.hiddenStates(layer: pair.teacher, for: sequences)
                mean.append((share, tape.featureMSE(projected, teacher: wanted, normalizer: scope.positions)))
            }
            add("features", weights.features, tape.weightedSum(mean))
        }
        return (tape.weightedSum(weighted), terms)
    }
}
