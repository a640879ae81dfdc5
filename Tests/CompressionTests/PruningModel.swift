import Distillation
import Layers
import Models
import Tensors

/// A small encoder with weights large enough for every head to matter, and examples for it.
enum PruningModel {
    static func encoder(heads: [Int] = [4, 3, 4], feedForward: [Int] = [24, 16, 24]) -> Encoder {
        var configuration = EncoderConfiguration(
            vocabularySize: 40, hiddenSize: 16, layers: heads.count, heads: 4, feedForward: 24, maximumPositions: 16,
            dropout: 0.1, pooling: .mean, labels: ["no", "yes", "maybe"])
        configuration.heads = heads
        configuration.feedForward = feedForward
        let model = Encoder(configuration, key: RandomKey(1))
        for parameter in model.parameters {
            let key = RandomKey(2).mixed(parameter.name)
            let isNormScale = parameter.name.hasSuffix("LayerNorm.weight")
            let values = (0..<parameter.value.count).map { Float(key.normal($0) * 0.35) + (isNormScale ? 1 : 0) }
            parameter.value = Tensor(values, shape: parameter.value.shape)
        }
        return model
    }

    static func examples(_ count: Int) -> LabelledSequences {
        let key = RandomKey(3)
        let sequences = (0..<count).map { example in
            (0..<2 + Int(key.bits(example) % 13)).map { Int32(key.mixed(example).bits($0) % 40) }
        }
        return LabelledSequences(sequences: sequences, labels: sequences.map { Int($0[0]) % 3 })
    }

    static func subset(_ data: LabelledSequences, _ chosen: [Int]) -> LabelledSequences {
        LabelledSequences(sequences: chosen.map { data.sequences[$0] }, labels: chosen.map { data.labels[$0] })
    }

    static func logits(_ model: Encoder, _ data: LabelledSequences) -> [Float] {
        model.forward(data.batch(Array(0..<data.count)), on: Tape(recording: false)).logits.value.values
    }

    /// Multiplies the columns of a matrix: what a mask or a factor on the matrix's input does.
    static func scaleColumns(_ columns: Range<Int>, of layer: Linear, by factor: Float) {
        let (width, old) = (layer.weight.value.width, layer.weight.value.values)
        let scaled = old.enumerated().map { columns.contains($0.offset % width) ? $0.element * factor : $0.element }
        layer.weight.value = Tensor(scaled, shape: layer.weight.value.shape)
    }

    static func scaleHead(_ head: Int, layer: Int, of model: Encoder, by factor: Float) {
        let size = model.configuration.headSize
        scaleColumns(head * size..<(head + 1) * size, of: model.layers[layer].attentionOutput, by: factor)
    }

    static func scaleNeuron(_ neuron: Int, layer: Int, of model: Encoder, by factor: Float) {
        scaleColumns(neuron..<neuron + 1, of: model.layers[layer].output, by: factor)
    }
}
