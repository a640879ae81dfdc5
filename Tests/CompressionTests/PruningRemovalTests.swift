import Compression
import Distillation
import Files
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

    @Test("Unknown units and a layer's last head or neuron are refused, all at once")
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
                "layer 0 would lose its last head", "layer 0 would lose its last neuron",
            ])
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
