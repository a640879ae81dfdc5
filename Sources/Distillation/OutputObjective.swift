public import Layers
public import Models
public import Tensors

/// The weights of a_l · MSE(numbers, labels) + a_o · D(outputs, the teacher's) + a_f · Σ F / pairs.
public struct OutputWeights: Sendable {
    /// Of the squared error against the labels.
    public var labels: Float
    /// Of the distance to what the teacher gives.
    public var output: Float
    public var outputLoss: LossWeights.FeatureLoss
    /// The matching of hidden states: `features`, `featureLoss` and `featurePairs` of these count.
    public var matching: LossWeights

    public init(labels: Float, output: Float, outputLoss: LossWeights.FeatureLoss, matching: LossWeights) {
        self.labels = labels
        self.output = output
        self.outputLoss = outputLoss
        self.matching = matching
    }

    /// The squared error against the labels alone.
    public static let labelsOnly = OutputWeights(
        labels: 1, output: 0, outputLoss: .squaredError, matching: .labelsOnly)

    /// Whether anything but the labels is asked for.
    var needsTeacher: Bool { output > 0 || matching.largest.features > 0 }
}

/// Teaches an encoder whose outputs are numbers, by labels and by what a teacher gives: a regression, or sentence embeddings.
///
/// Every term is a mean over the examples of the whole step; that of hidden states over positions. Outputs of another width than
/// the teacher's are compared through a learned projection, which is trained with the student and never exported.
public final class OutputObjective: Objective, Module {
    private let student: Encoder
    private let sequences: [[Int32]]
    /// The number of each example, for a regression.
    private let labels: [Float]?
    private let targets: (any TeacherTargets)?
    private let weights: OutputWeights
    /// The matching that is asked for in any step.
    private let compared: LossWeights
    private let features: FeatureMatching
    private let projector: Linear?

    /// - Parameters:
    ///   - labels: a number for each sequence; needed where the weights ask for it.
    ///   - targets: needed where the weights ask for more than the labels.
    ///   - key: draws the projectors' first values.
    /// - Throws: `InputError` where the targets lack what is asked for.
    public init(
        student: Encoder, sequences: [[Int32]], labels: [Float]?, targets: (any TeacherTargets)?,
        weights: OutputWeights,
        key: RandomKey
    ) throws {
        compared = weights.matching.largest
        precondition(targets != nil || !weights.needsTeacher, "OutputObjective: no targets for \(weights)")
        precondition(
            (labels?.count ?? sequences.count) == sequences.count && (labels != nil || weights.labels == 0),
            "OutputObjective: \(labels?.count ?? 0) labels for \(sequences.count) sequences")
        self.student = student
        self.sequences = sequences
        self.labels = labels
        self.targets = weights.needsTeacher ? targets : nil
        self.weights = weights
        features = try FeatureMatching(
            weights.matching, width: student.configuration.hiddenSize, targets: targets, key: key)
        let width = student.configuration.outputWidth
        let wanted = weights.output > 0 ? try targets!.pooledWidth() : width
        projector =
            wanted == width
            ? nil
            : Linear(
                name: "projector.output", input: width, output: wanted, deviation: 1 / Double(width).squareRoot(),
                key: key)
    }

    /// The student's and the projectors'.
    public var parameters: [Parameter] {
        student.parameters + features.parameters + (projector?.parameters ?? [])
    }

    public var exampleCount: Int { sequences.count }

    public func length(of example: Int) -> Int { sequences[example].count }

    public func prepare(_ examples: [Int]) {
        targets?.prepare(examples.map { sequences[$0] })
    }

    public func loss(
        of examples: [Int], in scope: StepScope, on tape: Tape
    ) throws -> (loss: Variable, terms: [LossTerm]) {
        let rows = examples.map { sequences[$0] }
        let output = student.forward(PackedBatch(rows, samples: examples), on: tape, dropout: scope.dropout)
        var weighted: [(weight: Float, value: Variable)] = []
        var terms: [LossTerm] = []
        func add(_ name: String, _ weight: Float, _ value: Variable) {
            weighted.append((weight, value))
            terms.append(LossTerm(name: name, value: value.value.scalar))
        }
        if weights.labels > 0, let labels {
            let wanted = Tensor(examples.map { labels[$0] }, shape: [examples.count, 1])
            add(
                "squared_error", weights.labels,
                tape.featureMSE(output.logits, teacher: wanted, normalizer: scope.examples))
        }
        guard let targets else { return (tape.weightedSum(weighted), terms) }
        if weights.output > 0 {
            let wanted = try targets.pooled(for: rows)
            let own = projector.map { $0(output.logits, on: tape) } ?? output.logits
            switch weights.outputLoss {
            case .squaredError:
                add("output", weights.output, tape.featureMSE(own, teacher: wanted, normalizer: scope.examples))
            case .cosine:
                add("output", weights.output, tape.featureCosine(own, teacher: wanted, normalizer: scope.examples))
            }
        }
        if compared.features > 0 {
            let matched = try features.loss(
                { output.hiddenStates[$0] }, targets, rows, normalizer: scope.positions, on: tape)
            add("features", weights.matching.at(scope.progress).features, matched)
        }
        return (tape.weightedSum(weighted), terms)
    }
}
