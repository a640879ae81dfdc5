import Layers
import Tensors

/// The term of the loss that keeps a student's hidden states near a teacher's: Σ F / pairs.
struct FeatureMatching: Module {
    private let weights: LossWeights
    /// One learned projection per pair whose widths differ; trained with the student, never exported.
    private let projectors: [Linear?]

    /// - Parameters:
    ///   - width: of the student's hidden states.
    ///   - key: draws the projectors' first values.
    /// - Throws: `InputError` where the targets lack a layer.
    init(_ weights: LossWeights, width: Int, targets: (any TeacherTargets)?, key: RandomKey) throws {
        self.weights = weights
        projectors = try weights.featurePairs.enumerated().map { index, pair in
            guard let wanted = try targets?.width(layer: pair.teacher), wanted != width else { return nil }
            return Linear(
                name: "projector.\(index)", input: width, output: wanted, deviation: 1 / Double(width).squareRoot(),
                key: key)
        }
    }

    var parameters: [Parameter] { projectors.flatMap { $0?.parameters ?? [] } }

    /// - Parameter states: the student's hidden states of every layer, 0 being the embedding's: [N, C] each.
    func loss(
        _ states: (Int) -> Variable, _ targets: any TeacherTargets, _ sequences: [[Int32]], normalizer: Int,
        on tape: Tape
    ) throws -> Variable {
        let losses = try zip(weights.featurePairs, projectors).map { pair, projector in
            let hidden = states(pair.student)
            let projected = projector.map { $0(hidden, on: tape) } ?? hidden
            let wanted = try targets.hiddenStates(layer: pair.teacher, for: sequences)
            switch weights.featureLoss {
            case .squaredError: return tape.featureMSE(projected, teacher: wanted, normalizer: normalizer)
            case .cosine: return tape.featureCosine(projected, teacher: wanted, normalizer: normalizer)
            }
        }
        return tape.weightedSum(losses.map { (1 / Float(losses.count), $0) })
    }
}
