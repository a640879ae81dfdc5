public import Distillation
import Files
public import Models
public import Tensors

/// How the importance of a head or of a feed-forward neuron is measured.
public enum ImportanceCriterion: String, CaseIterable, Codable, Sendable {
    /// How strongly the loss on labelled examples reacts to the unit; see `Sensitivity`.
    case sensitivity
    /// The L2 norm of the weights that leave with the unit. Needs no examples.
    case magnitude
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
    ///   - calibration: examples with labels; `magnitude` leaves them unread.
    ///   - key: draws the bootstrap's resamples.
    ///   - batch: examples per forward and backward pass; affects speed and memory alone.
    /// - Throws: `InputError` if the criterion needs examples or labels that are not there, or if a score is not a
    ///   finite number.
    public func importance(
        of model: Encoder, calibration: LabelledSequences?, normalize: ScoreNormalization, key: RandomKey,
        batch: Int = 16
    ) throws -> ModelImportance {
        switch self {
        case .magnitude:
            let magnitude = Magnitude(of: model)
            try requireFinite(magnitude.heads.joined().allSatisfy(\.isFinite))
            try requireFinite(magnitude.neurons.joined().allSatisfy(\.isFinite))
            return ModelImportance(
                heads: ImportanceScores(values: magnitude.heads, normalize: normalize),
                neurons: ImportanceScores(values: magnitude.neurons, normalize: normalize))
        case .sensitivity:
            guard let calibration else {
                throw InputError(
                    field: "prune.heads.criterion",
                    problem: "sensitivity needs labelled calibration examples, found none",
                    remedy: "give labelled data, or use criterion: magnitude")
            }
            let sensitivity = try Sensitivity(of: model, on: calibration, batch: batch)
            try requireFinite(sensitivity.heads.isFinite && sensitivity.neurons.isFinite)
            return ModelImportance(
                heads: sensitivity.heads.summary(normalize: normalize, key: key),
                neurons: sensitivity.neurons.summary(normalize: normalize))
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
