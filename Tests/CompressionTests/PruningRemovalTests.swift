import Compression
import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Removal of heads and neurons")
struct PruningRemovalTests {
    private let data = PruningModel.examples(12)

    private func greatestDifference(_ a: [Float], _ b: [Float]) -> Float {
        #expect(a.count == b.count)
        return zip(a, b).reduce(0) { $1.0.isNaN || $1.1.isNaN ? .infinity : max($0, abs($1.0 - $1.1)) }
    }

    @Test("A model without some heads gives what the model with these heads masked gives")
    func heads() throws {
        let removed: Set = [
            LayerUnit(layer: 0, index: 1), LayerUnit(layer: 0, index: 2), LayerUnit(layer: 2, index: 0),
        ]
        let masked = PruningModel.encoder()
        for unit in removed { PruningModel.scaleHead(unit.index, layer: unit.layer, of: masked, by: 0) }
        let pruned = try PruningModel.encoder().removing(heads: removed)
        #expect(pruned.configuration.heads == [2, 3, 3])
        #expect(pruned.configuration.feedForward == [24, 16, 24])
        let wanted = PruningModel.logits(masked, data)
        #expect(greatestDifference(PruningModel.logits(pruned, data), wanted) < 1e-5)
        #expect(greatestDifference(PruningModel.logits(PruningModel.encoder(), data), wanted) > 1e-2)
    }

    @Test("A model without some neurons gives what the model with these neurons masked gives")
    func neurons() throws {
        let removed = Set((0..<9).map { LayerUnit(layer: 0, index: 2 * $0) } + [LayerUnit(layer: 1, index: 15)])
        let masked = PruningModel.encoder()
        for unit in removed { PruningModel.scaleNeuron(unit.index, layer: unit.layer, of: masked, by: 0) }
        let pruned = try PruningModel.encoder().removing(heads: [], neurons: removed)
        #expect(pruned.configuration.heads == [4, 3, 4])
        #expect(pruned.configuration.feedForward == [15, 15, 24])
        let wanted = PruningModel.logits(masked, data)
        #expect(greatestDifference(PruningModel.logits(pruned, data), wanted) < 1e-5)
        #expect(greatestDifference(PruningModel.logits(PruningModel.encoder(), data), wanted) > 1e-2)
    }

    @Test("Names and order of the parameters stay, shapes follow the configuration, the original is untouched")
    func names() throws {
        let model = PruningModel.encoder()
        let before = model.parameters.map(\.value.values)
        let pruned = try model.removing(
            heads: [LayerUnit(layer: 1, index: 0)], neurons: [LayerUnit(layer: 1, index: 0)])
        #expect(pruned.parameters.map(\.name) == model.parameters.map(\.name))
        let layer = pruned.layers[1]
        #expect(layer.heads == 2)
        #expect(layer.query.weight.value.shape == [8, 16] && layer.value.bias?.value.shape == [8])
        #expect(layer.attentionOutput.weight.value.shape == [16, 8])
        #expect(layer.intermediate.weight.value.shape == [15, 16] && layer.output.weight.value.shape == [16, 15])
        #expect(model.parameterCount - pruned.parameterCount == (3 * (4 * 16 + 4) + 16 * 4) + (16 + 1 + 16))
        for parameter in pruned.parameters {
            #expect(parameter.value.shape == parameter.gradient.value.shape, "\(parameter.name)")
            parameter.value = Tensor(zeros: parameter.value.shape)
        }
        #expect(model.parameters.map(\.value.values) == before)
    }

    @Test("Unknown units are refused, all at once")
    func refusals() {
        let model = PruningModel.encoder(heads: [1, 2], feedForward: [1, 3])
        let error = #expect(throws: InputErrors.self) {
            try model.removing(
                heads: [
                    LayerUnit(layer: 0, index: 0), LayerUnit(layer: 1, index: 2), LayerUnit(layer: 2, index: 0),
                    LayerUnit(layer: 1, index: -1),
                ],
                neurons: [LayerUnit(layer: 0, index: 0)])
        }
        #expect(
            error?.errors.map(\.problem) == [
                "there is no head -1 in layer 1", "there is no head 2 in layer 1", "there is no head 0 in layer 2",
            ])
    }

    /// A form of each family with weights that matter everywhere.
    private static let families: [EncoderConfiguration.Family] = [.bert, .roberta, .distilbert]

    private func encoder(_ family: EncoderConfiguration.Family) -> Encoder {
        QuantizationFixture.encoder {
            $0.family = family
            ($0.positionOffset, $0.tokenTypes) = family == .roberta ? (2, 1) : (0, family == .bert ? 2 : 0)
            if family == .distilbert { $0.headDropout = 0.125 }
        }
    }

    @Test(
        "A layer without its attention or its feed-forward block gives what masking the block gives",
        arguments: families)
    func wholeBlocks(_ family: EncoderConfiguration.Family) throws {
        let heads = Set((0..<4).map { LayerUnit(layer: 0, index: $0) })
        let neurons = Set((0..<33).map { LayerUnit(layer: 1, index: $0) })
        let masked = encoder(family)
        for unit in heads { PruningModel.scaleHead(unit.index, layer: 0, of: masked, by: 0) }
        for unit in neurons { PruningModel.scaleNeuron(unit.index, layer: 1, of: masked, by: 0) }
        let pruned = try encoder(family).removing(heads: heads, neurons: neurons)
        #expect(pruned.configuration.heads == [0, 3] && pruned.configuration.feedForward == [50, 0])
        let texts = QuantizationFixture.sequences(12)
        let batch = QuantizationFixture.batch(texts)
        let wanted = masked.logits(batch).values
        #expect(greatestDifference(pruned.logits(batch).values, wanted) < 1e-5)
        #expect(greatestDifference(encoder(family).logits(batch).values, wanted) > 1e-2)
        #expect(pruned.parameterCount == pruned.configuration.parameterCount)
        #expect(pruned.parameters.allSatisfy { $0.value.count > 0 })
    }

    @Test("A model that has lost whole blocks is written and read back, weight by weight", arguments: families)
    func roundTrip(_ family: EncoderConfiguration.Family) throws {
        let model = encoder(family)
        for lost in [[0], [0, 1]] {
            let pruned = try model.removing(
                heads: Set(lost.flatMap { layer in (0..<4 - layer).map { LayerUnit(layer: layer, index: $0) } }),
                neurons: Set(
                    lost.flatMap { layer in
                        (0..<model.configuration.feedForward[layer]).map { LayerUnit(layer: layer, index: $0) }
                    }))
            try QuantizationFixture.withDirectory { directory in
                let url = directory.appendingPathComponent("config.json")
                try AtomicFile.write(pruned.configuration.json(), to: url)
                #expect(try EncoderConfiguration(reading: url) == pruned.configuration)
                var file = Safetensors()
                let names = EncoderNames(pruned.configuration)
                for parameter in pruned.parameters {
                    file.tensors.append(
                        (
                            names.published(parameter.name),
                            .float32(shape: parameter.value.shape, parameter.value.values)
                        ))
                }
                try file.write(to: directory.appendingPathComponent("model.safetensors"))
                let read = try ModelDirectory.readEncoder(directory)
                #expect(read.parameters.map(\.value.values) == pruned.parameters.map(\.value.values))
            }
        }
    }

    @Test("A model without whole layers gives what these layers hand on gives")
    func wholeLayers() throws {
        let model = PruningModel.encoder()
        let pruned = try model.removing(layers: [1])
        #expect(pruned.configuration.heads == [4, 4] && pruned.configuration.feedForward == [24, 24])
        #expect(pruned.layers[1].query.weight.value.values == model.layers[2].query.weight.value.values)
        #expect(pruned.layers[1].query.name == "bert.encoder.layer.1.attention.self.query")
        let batch = data.batch(Array(0..<12))
        let states = model.forward(batch, on: Tape(recording: false)).hiddenStates.map(\.value.values)
        let fewer = pruned.forward(batch, on: Tape(recording: false)).hiddenStates.map(\.value.values)
        #expect(fewer.count == 3 && fewer[0] == states[0] && fewer[1] == states[1])
        let none = #expect(throws: InputErrors.self) { try model.removing(layers: [0, 1, 2, 5]) }
        #expect(none?.errors.map(\.problem) == ["there is no layer 5", "no layer would be left"])
    }

    @Test("A layer that hands on its input has no redundancy score to speak of, and goes first")
    func redundancy() throws {
        let model = PruningModel.encoder()
        // Without attention, feed-forward and biases a block is two norms of what is normalized already.
        for parameter in model.layers[1].parameters {
            let isScale = parameter.name.hasSuffix("LayerNorm.weight")
            parameter.value = Tensor(repeating: isScale ? 1 : 0, shape: parameter.value.shape)
        }
        for norm in [model.layers[0].outputNorm] {
            norm.gamma.value = Tensor(repeating: 1, shape: [16])
            norm.beta.value = Tensor(zeros: [16])
        }
        let calibration = CalibrationSequences(data).withoutLabels
        let scores = try LayerRedundancy.scores(of: model, on: calibration, key: RandomKey(1))
        #expect(abs(scores.values[1][0]) < 1e-5 && scores.values[0][0] > 0.05 && scores.values[2][0] > 0.05)
        #expect(try LayerRecord.lowest(1, in: scores) == [1])
        #expect(throws: InputError.self) { try LayerRecord.lowest(3, in: scores) }
        let single = try LayerRedundancy.scores(of: model, on: calibration, key: RandomKey(1), batch: 1)
        for (a, b) in zip(single.values.joined(), scores.values.joined()) { #expect(abs(a - b) < 1e-5) }
    }

    @Test("A pruned model with uneven layers trains on, without heads and without neurons in some")
    func trainsWithoutBlocks() throws {
        let pruned = try PruningModel.encoder().removing(
            heads: Set((0..<4).map { LayerUnit(layer: 0, index: $0) }),
            neurons: Set((0..<24).map { LayerUnit(layer: 2, index: $0) }))
        let before = pruned.layers[0].attentionOutput.bias?.value.values
        let objective = try DistillationObjective(
            student: pruned, data: data, targets: nil, weights: .labelsOnly, key: RandomKey(1))
        let trainer = Trainer(
            parameters: objective.parameters, objective: objective,
            options: TrainingOptions(
                totalSteps: 30, batch: 12, microBatch: 12, learningRate: 3e-3, decay: .constant, warmUp: 0, clip: 1,
                weightDecay: 0, seed: 1))
        let losses = try (0..<30).map { _ in try trainer.takeStep().loss }
        #expect(losses[29] < 0.5 * losses[0])
        #expect(pruned.layers[0].attentionOutput.bias?.value.values != before)
    }

    @Test("A pruned model with uneven layers trains on")
    func trainsOn() throws {
        let pruned = try PruningModel.encoder().removing(
            heads: [LayerUnit(layer: 0, index: 0), LayerUnit(layer: 0, index: 3)],
            neurons: Set((0..<7).map { LayerUnit(layer: 2, index: $0) }))
        let objective = try DistillationObjective(
            student: pruned, data: data, targets: nil, weights: .labelsOnly, key: RandomKey(1))
        let trainer = Trainer(
            parameters: objective.parameters, objective: objective,
            options: TrainingOptions(
                totalSteps: 30, batch: 12, microBatch: 12, learningRate: 3e-3, decay: .constant, warmUp: 0, clip: 1,
                weightDecay: 0, seed: 1))
        let losses = try (0..<30).map { _ in try trainer.takeStep().loss }
        #expect(losses[29] < 0.5 * losses[0])
    }
}
