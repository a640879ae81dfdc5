public import Layers
public import Models
public import Tensors

/// Teaches a decoder the next token, and what a teacher thought of it at each position, recorded or live.
///
/// Position t of a row predicts its token t + 1; the last position predicts nothing. N, which every term is divided by, is the
/// number of predicting positions of the whole step; that of hidden states all positions. Where the targets are silent the
/// teacher's term is 0.
public final class LanguageModelObjective: Objective, Module {
    private let student: Decoder
    private let rows: any TokenRows
    private let targets: (any TeacherTargets)?
    private let weights: LossWeights
    /// What is compared in any step.
    private let compared: LossWeights
    private let features: FeatureMatching

    /// - Parameters:
    ///   - rows: of at least two tokens each.
    ///   - targets: needed where the weights ask for more than the labels.
    ///   - key: draws the projectors' first values.
    /// - Throws: `InputError` where the targets lack a layer.
    public init(
        student: Decoder, rows: any TokenRows, targets: (any TeacherTargets)?, weights: LossWeights, key: RandomKey
    ) throws {
        compared = weights.largest
        precondition(targets != nil || !compared.needsTeacher, "LanguageModelObjective: no targets for \(weights)")
        precondition(
            compared.relations == nil && compared.attention == 0, "LanguageModelObjective: attention is not matched")
        self.student = student
        self.rows = rows
        self.targets = compared.needsTeacher ? targets : nil
        self.weights = weights
        features = try FeatureMatching(
            weights, width: student.configuration.hiddenSize, targets: targets, key: key)
    }

    /// The student's and the projectors'.
    public var parameters: [Parameter] { student.parameters + features.parameters }

    public var exampleCount: Int { rows.count }

    public func length(of example: Int) -> Int { rows.length(example) }

    public func prepare(_ examples: [Int]) {
        // What cannot be read is read again by the step that needs it, which then reports it.
        guard let targets, let sequences = try? rows.tokens(examples) else { return }
        targets.prepare(sequences)
    }

    public func loss(
        of examples: [Int], in scope: StepScope, on tape: Tape
    ) throws -> (loss: Variable, terms: [LossTerm]) {
        let weights = weights.at(scope.progress)
        let sequences = try rows.tokens(examples)
        let batch = PackedBatch(sequences, samples: examples)
        let matches = compared.features > 0
        let output = student.forward(batch, on: tape, dropout: scope.dropout, capturing: matches)
        let teacher =
            try weights.kl > 0
            ? targets!.likeliest(for: sequences, temperature: weights.temperature)
            : .none(positions: batch.tokens.count)
        let (loss, crossEntropy, kl) = tape.vocabularyDistillation(
            output.hidden, table: student.vocabularyTable.on(tape), labels: batch.nextTokens, teacher: teacher,
            weights: (weights.crossEntropy, weights.kl), temperature: Float(weights.temperature),
            temperatureSquared: weights.temperatureSquared, divergence: weights.divergence,
            normalizer: scope.positions - scope.examples)
        var terms: [LossTerm] = []
        if weights.crossEntropy > 0 { terms.append(LossTerm(name: "cross_entropy", value: crossEntropy)) }
        if weights.kl > 0 { terms.append(LossTerm(name: "kl", value: kl)) }
        guard matches, let targets else { return (loss, terms) }
        let layers = student.configuration.layers
        let matched = try features.loss(
            { $0 < layers ? output.states[$0] : output.hidden }, targets, sequences, normalizer: scope.positions,
            on: tape)
        terms.append(LossTerm(name: "features", value: matched.value.scalar))
        return (tape.weightedSum([(1, loss), (weights.features, matched)]), terms)
    }
}
