public import Layers
public import Models
public import Tensors

/// A model whose heads and feed-forward neurons can be scored and removed.
///
/// What leaves attention as one is a unit: a head, or with grouped queries (Ainslie et al. 2023, arXiv 2305.13245) all
/// query heads that share one head of keys and values.
public protocol ScorableModel: AnyObject, Module {
    /// The parts of each layer that units leave from.
    var scorableLayers: [ScorableLayer] { get }
    /// Numbers that `trace` gives for each token; 0 where it gives some per text.
    var outputsPerToken: Int { get }
    /// Runs the model without dropout, and gives what scores are computed from.
    ///
    /// - Parameter start: the layer to begin with; the trace has nothing of what is before it. Nil: all of the model.
    func trace(_ batch: PackedBatch, on tape: Tape, from start: LayerInput?) -> ModelTrace
    /// Refuses examples that the model cannot read, and targets that it has no loss for.
    func check(_ calibration: CalibrationSequences) throws
}

extension ScorableModel {
    func trace(_ batch: PackedBatch, on tape: Tape) -> ModelTrace {
        trace(batch, on: tape, from: nil)
    }

    /// How many examples go through the model at once: 16, fewer where the outputs of 16 would fill memory.
    ///
    /// Passes hold the outputs about eight times: probabilities, targets and gradients beside them.
    func examplesPerPass(_ calibration: CalibrationSequences) -> Int {
        let longest = calibration.sequences.reduce(1) { max($0, $1.count) }
        return max(1, min(16, 1 << 24 / max(1, longest * outputsPerToken)))
    }
}

/// What one layer's units are made of.
public struct ScorableLayer {
    /// Units of attention.
    public let attentionUnits: Int
    /// Columns of the attention's output projection that belong to a unit.
    public let unitWidth: Int
    public let neurons: Int
    /// Projections whose rows belong to units: query, key and value.
    let attentionInputs: [Linear]
    let attentionOutput: Linear
    /// Projections whose rows belong to neurons.
    let feedForwardInputs: [Linear]
    let feedForwardOutput: Linear
}

/// What a forward pass leaves for the scores.
public struct ModelTrace {
    /// What a model's outputs mean, and with that what its loss is.
    public enum Outputs: Sendable {
        /// Logits of a distribution in each row.
        case distributions
        /// Points, whose loss is half of the squared distance.
        case points
    }

    /// Heads' outputs before the output projection, per layer: [N, units · unitWidth].
    let contexts: [Variable]
    /// Feed-forward activations before the output projection, per layer: [N, F].
    let activations: [Variable]
    /// After the embeddings and after each layer: layers + 1 of [N, C].
    let hiddenStates: [Variable]
    /// [rows, V].
    let output: Variable
    let outputs: Outputs
    /// The rows of the output that belong to each sequence.
    let outputRows: [Range<Int>]
    /// The class of each row of the output, where the text itself tells it; −1 in rows without.
    let nextTokens: [Int32]?
}
