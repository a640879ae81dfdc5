import Files
import Models
public import Tensors

/// How the importance of a head or of a feed-forward neuron is measured.
public enum ImportanceCriterion: String, CaseIterable, Codable, Sendable {
    /// How strongly the loss reacts to the unit: E |∂L/∂ξ|; see `MaskGradients`.
    case sensitivity
    /// How much the loss changes to first order when the unit goes: |E ∂L/∂ξ|. Needs labels.
    case taylor
    /// How much the loss changes to second order: E (∂L/∂ξ)².
    case fisher
    /// How strongly the unit is active; see `ActivationStrength`.
    case activation
    /// How much of the answer flows through the unit; see `Relevance`. Of encoders.
    case relevance
    /// How much worse the loss is without the unit, one at a time: the reference, and slow; see `Ablation`.
    case ablation
    /// The L2 norm of the weights that leave with the unit. Needs no examples.
    case magnitude

    /// What the criterion reads.
    public enum Requirement: Sendable {
        case nothing, texts, labels
    }

    public var requirement: Requirement {
        switch self {
        case .magnitude: .nothing
        case .taylor: .labels
        case .sensitivity, .fisher, .activation, .relevance, .ablation: .texts
        }
    }

    /// Whether scores are means of numbers with a sign; see `ImportanceScores.canBeZero`.
    private func canBeZero(_ target: CalibrationSequences.Target) -> Bool {
        switch self {
        case .taylor: true
        case .ablation: target != .ownOutputs
        case .sensitivity, .fisher, .activation, .relevance, .magnitude: false
        }
    }

    /// The reading of one backward pass that this criterion is.
    var reading: MaskGradients.Reading? {
        switch self {
        case .sensitivity: .sensitivity
        case .taylor: .taylor
        case .fisher: .fisher
        case .activation, .relevance, .ablation, .magnitude: nil
        }
    }
}

/// How the scores of different layers are made comparable.
public enum ScoreNormalization: String, CaseIterable, Codable, Sendable {
    /// Scores are divided by the L2 norm of their layer's scores: I[l, :] / (‖I[l, :]‖₂ + 1e-20).
    case layer
    case none
}

/// The scores of everything in a model that can be removed.
public struct ModelImportance: Equatable, Sendable {
    public let heads: ImportanceScores
    public let neurons: ImportanceScores
}

extension ImportanceCriterion {
    /// Scores every head and every feed-forward neuron of a model.
    ///
    /// The result is a function of the set of examples: their order does not matter. Gradients of the model's
    /// parameters are zero afterwards.
    ///
    /// - Parameters:
    ///   - calibration: examples; `magnitude` leaves them unread, and without labels `taylor` has nothing to measure.
    ///   - key: draws the bootstrap's resamples, and targets where there are no labels.
    ///   - neurons: whether neurons are scored where each costs a pass of its own (`ablation`), and have intervals.
    ///   - batch: examples per forward and backward pass, nil: as memory allows; affects speed and memory alone.
    /// - Throws: `InputError` if the criterion needs examples or labels that are not there, or if a score is not a
    ///   finite number.
    public func importance(
        of model: some ScorableModel, calibration: CalibrationSequences?, normalize: ScoreNormalization,
        key: RandomKey, neurons: Bool = true, batch: Int? = nil
    ) throws -> ModelImportance {
        let scores = try Self.importance(
            of: model, by: [self], calibration: calibration, normalize: normalize, key: key, neurons: neurons,
            batch: batch)
        return scores[0]
    }

    /// As `importance`, by several criteria; those that read gradients share their passes.
    public static func importance(
        of model: some ScorableModel, by criteria: [ImportanceCriterion], calibration: CalibrationSequences?,
        normalize: ScoreNormalization, key: RandomKey, neurons: Bool = true, batch: Int? = nil
    ) throws -> [ModelImportance] {
        var checked: CalibrationSequences?
        if criteria.contains(where: { $0.requirement != .nothing }), let calibration {
            try model.check(calibration)
            checked = calibration.inCanonicalOrder
        }
        for criterion in criteria { try criterion.require(checked) }
        let readings = criteria.compactMap(\.reading)
        let batch = batch ?? checked.map { model.examplesPerPass($0) } ?? 1
        let gradients = try checked.flatMap { calibration in
            readings.isEmpty
                ? nil : try MaskGradients(of: model, on: calibration, readings: readings, key: key, batch: batch)
        }
        return try criteria.map { criterion in
            guard let calibration = checked, criterion.requirement != .nothing else {
                return try criterion.magnitude(of: model, normalize)
            }
            let scores: UnitScores
            switch criterion {
            case .sensitivity, .taylor, .fisher: scores = gradients!.scores[criterion.reading!]!
            case .activation: scores = try ActivationStrength.scores(of: model, on: calibration, batch: batch)
            case .ablation: scores = try Ablation.scores(of: model, on: calibration, neurons: neurons, batch: batch)
            case .relevance:
                guard let encoder = model as? Encoder else {
                    throw InputError(
                        field: "criterion", problem: "relevance is propagated through encoders alone",
                        remedy: "use another criterion for a language model, such as fisher")
                }
                scores = try Relevance.scores(of: encoder, on: calibration, batch: batch)
            case .magnitude: return try criterion.magnitude(of: model, normalize)
            }
            try criterion.requireFinite(scores.heads.isFinite && scores.neurons.isFinite)
            let neuronScores =
                neurons
                ? scores.neurons.summary(normalize: normalize)
                : scores.neurons.summary(normalize: normalize, intervals: nil)
            let canBeZero = criterion.canBeZero(calibration.target)
            return ModelImportance(
                heads: scores.heads.summary(normalize: normalize, key: key).testable(canBeZero),
                neurons: neuronScores.testable(canBeZero))
        }
    }

    private func magnitude(of model: some ScorableModel, _ normalize: ScoreNormalization) throws -> ModelImportance {
        let magnitude = Magnitude(of: model)
        try requireFinite((magnitude.heads + magnitude.neurons).joined().allSatisfy(\.isFinite))
        return ModelImportance(
            heads: ImportanceScores(magnitude.heads, normalize: normalize),
            neurons: ImportanceScores(magnitude.neurons, normalize: normalize))
    }

    private func require(_ calibration: CalibrationSequences?) throws {
        guard requirement != .nothing else { return }
        guard let calibration else {
            throw InputError(
                field: "criterion", problem: "\(rawValue) needs calibration examples, found none",
                remedy: "give data, or use criterion: magnitude")
        }
        if requirement == .labels, calibration.target == .ownOutputs {
            throw InputError(
                field: "criterion",
                problem: "\(rawValue) needs labels: against a model's own outputs the loss has no first-order change",
                remedy: "give labelled data, or use fisher, which is the second-order change")
        }
    }

    private func requireFinite(_ finite: Bool) throws {
        guard finite else {
            throw InputError(
                problem: "the \(rawValue) of some heads or neurons is not a finite number",
                remedy: "look at the model's weights and its loss: training has probably diverged")
        }
    }
}
