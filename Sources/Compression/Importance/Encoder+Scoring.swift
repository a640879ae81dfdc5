import Files
import Layers
public import Models
public import Tensors

extension Encoder: ScorableModel {
    public var scorableLayers: [ScorableLayer] {
        layers.map { layer in
            ScorableLayer(
                attentionUnits: layer.heads, unitWidth: configuration.headSize,
                neurons: configuration.feedForward[layer.index],
                attentionInputs: [layer.query, layer.key, layer.value], attentionOutput: layer.attentionOutput,
                feedForwardInputs: [layer.intermediate], feedForwardOutput: layer.output)
        }
    }

    public var outputsPerToken: Int { 0 }

    public func trace(_ batch: PackedBatch, on tape: Tape, from start: LayerInput?) -> ModelTrace {
        let output = forward(batch, on: tape, capturing: true, from: start)
        return ModelTrace(
            contexts: output.contexts, activations: output.activations, hiddenStates: output.hiddenStates,
            output: output.logits, outputs: configuration.head == .classification ? .distributions : .points,
            outputRows: (0..<batch.offsets.count).map { $0..<$0 + 1 }, nextTokens: nil)
    }

    public func check(_ calibration: CalibrationSequences) throws {
        let head = configuration.head
        guard head != .maskedLanguageModel && head != .none else {
            throw InputError(
                problem: "importance reads the outputs for whole texts, and the model's head is "
                    + (head == .none ? "missing" : "for \(head.rawValue)"),
                remedy: "give a classifier or an embedding model, or prune by magnitude")
        }
        switch calibration.target {
        case .ownOutputs: break
        case .labels:
            guard head == .classification else {
                throw InputError(
                    problem: "class labels have no loss here: the model's head is for \(head.rawValue)",
                    remedy: "measure against the model's own outputs")
            }
        case .nextTokens:
            throw InputError(
                problem: "an encoder predicts no next tokens", remedy: "give labels, or none")
        }
        try calibration.check(
            classes: head == .classification ? configuration.labels.count : nil, least: 1,
            longest: configuration.maximumPositions, vocabulary: configuration.vocabularySize)
    }
}
