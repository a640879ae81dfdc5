import Files
import Layers
public import Models
public import Tensors

extension Decoder: ScorableModel {
    public var scorableLayers: [ScorableLayer] {
        layers.map { layer in
            let groupWidth = layer.groupSize * configuration.headSize
            return ScorableLayer(
                attentionUnits: layer.keyHeads, unitWidth: groupWidth, neurons: configuration.feedForward[layer.index],
                attentionInputs: [layer.query, layer.key, layer.value], attentionOutput: layer.attentionOutput,
                feedForwardInputs: [layer.feedForward.gate, layer.feedForward.up].compactMap { $0 },
                feedForwardOutput: layer.feedForward.down)
        }
    }

    public var outputsPerToken: Int { configuration.vocabularySize }

    public func trace(_ batch: PackedBatch, on tape: Tape, from start: LayerInput?) -> ModelTrace {
        let output = forward(batch, on: tape, capturing: true, tracing: true, from: start)
        let logits = tape.linear(output.hidden, weight: Variable(constant: vocabularyTable.value), bias: nil)
        return ModelTrace(
            contexts: output.contexts, activations: output.activations, hiddenStates: output.states, output: logits,
            outputs: .distributions, outputRows: (0..<batch.offsets.count).map { batch.offsets[$0] },
            nextTokens: batch.nextTokens)
    }

    public func check(_ calibration: CalibrationSequences) throws {
        if case .labels = calibration.target {
            throw InputError(
                problem: "a language model has no classes", remedy: "its labels are the texts' own next tokens")
        }
        try calibration.check(
            classes: nil, least: calibration.target == .nextTokens ? 2 : 1, longest: configuration.maximumPositions,
            vocabulary: configuration.vocabularySize)
    }
}
