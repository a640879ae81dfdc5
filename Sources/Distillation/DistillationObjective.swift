public import Layers
public import Models
public import Tensors

/// Teaches a student by labels and by a teacher's targets, recorded or live.
public final class DistillationObjective: Objective, Module {
    let student: Encoder
    private let data: LabelledSequences
    let targets: (any TeacherTargets)?
    let weights: LossWeights
    /// What is compared in any step.
    let compared: LossWeights
    private let features: FeatureMatching

    /// - Parameters:
    ///   - targets: needed where the weights ask for more than the labels.
    ///   - key: draws the projectors' first values.
    /// - Throws: `InputError` where the targets lack a layer, or a layer's heads do not fit.
    public init(
        student: Encoder, data: LabelledSequences, targets: (any TeacherTargets)?, weights: LossWeights, key: RandomKey
    ) throws {
        compared = weights.largest
        precondition(targets != nil || !compared.needsTeacher, "DistillationObjective: no targets for \(weights)")
        self.student = student
        self.data = data
        self.targets = targets
        self.weights = weights
        features = try FeatureMatching(
            weights, width: student.configuration.hiddenSize, targets: targets, key: key)
        try checkAttention()
    }

    /// The student's and the projectors'.
    public var parameters: [Parameter] {
        student.parameters + features.parameters
    }

    public var exampleCount: Int { data.count }

    public func length(of example: Int) -> Int { data.sequences[example].count }

    public func prepare(_ examples: [Int]) {
        targets?.prepare(examples.map { data.sequences[$0] })
    }

    public func loss(
        of examples: [Int], in scope: StepScope, on tape: Tape
    ) throws -> (loss: Variable, terms: [LossTerm]) {
        let weights = weights.at(scope.progress)
        let batch = data.batch(examples)
        let output = student.forward(
            batch, on: tape, dropout: scope.dropout, attentionLayers: weights.studentAttentionLayers)
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
                    temperatureSquared: weights.temperatureSquared, divergence: weights.divergence,
                    normalizer: scope.examples))
        }
        if weights.features > 0 {
            let matched = try features.loss(
                { output.hiddenStates[$0] }, targets, sequences, normalizer: scope.positions, on: tape)
            add("features", weights.features, matched)
        }
        for term in try attentionTerms(weights, output, sequences, batch.offsets, scope, on: tape) {
            add(term.name, term.weight, term.value)
        }
        return (tape.weightedSum(weighted), terms)
    }
}
