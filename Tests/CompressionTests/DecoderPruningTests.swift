import Compression
import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Pruning of decoders")
struct DecoderPruningTests {
    struct Shape: CustomTestStringConvertible, Sendable {
        let name: String
        let configuration: DecoderConfiguration
        var testDescription: String { name }

        /// Large weights, so that every head matters.
        var decoder: Decoder {
            let model = Decoder(configuration, key: RandomKey(1))
            for parameter in model.parameters {
                let key = RandomKey(2).mixed(parameter.name)
                let isNorm = parameter.value.shape.count == 1 && parameter.name.hasSuffix("weight")
                let values = (0..<parameter.value.count).map { Float(key.normal($0) * 0.35) + (isNorm ? 1 : 0) }
                parameter.value = Tensor(values, shape: parameter.value.shape)
            }
            return model
        }
    }

    static let shapes = [
        Shape(
            name: "gpt2",
            configuration: DecoderConfiguration(
                vocabularySize: 30, hiddenSize: 16, layers: 2, heads: 4, feedForward: 24, maximumPositions: 16,
                dropout: 0.1)),
        Shape(
            name: "llama",
            configuration: DecoderConfiguration(
                llama: 30, hiddenSize: 24, layers: 2, heads: 6, keyHeads: 3, feedForward: 20, maximumPositions: 16)),
        Shape(
            name: "qwen2",
            configuration: DecoderConfiguration(
                llama: 30, hiddenSize: 24, layers: 3, heads: 6, keyHeads: 2, feedForward: 20, maximumPositions: 16,
                tiesEmbeddings: false, biases: .queryKeyValue)),
    ]

    private let sequences: [[Int32]] = (0..<10).map { example in
        let key = RandomKey(3).mixed(example)
        return (0..<2 + Int(key.bits(0) % 13)).map { Int32(key.bits($0 + 1) % 30) }
    }
    private var batch: PackedBatch { PackedBatch(sequences, samples: Array(sequences.indices)) }
    private var texts: CalibrationSequences { CalibrationSequences(sequences, target: .nextTokens) }

    private func greatestDifference(_ a: Tensor, _ b: Tensor) -> Float {
        #expect(a.shape == b.shape)
        return zip(a.values, b.values).reduce(0) { $1.0.isNaN || $1.1.isNaN ? .infinity : max($0, abs($1.0 - $1.1)) }
    }

    /// Zeroes what a group, or a neuron, writes.
    private func mask(_ model: Decoder, group: LayerUnit? = nil, neuron: LayerUnit? = nil) {
        if let group {
            let layer = model.layers[group.layer]
            let width = layer.heads / layer.keyHeads * model.configuration.headSize
            PruningModel.scaleColumns(group.index * width..<(group.index + 1) * width, of: layer.attentionOutput, by: 0)
        }
        if let neuron {
            PruningModel.scaleColumns(
                neuron.index..<neuron.index + 1, of: model.layers[neuron.layer].feedForward.down, by: 0)
        }
    }

    @Test("A model without some groups and neurons gives what the model with these masked gives", arguments: shapes)
    func removal(_ shape: Shape) throws {
        let (group, neuron) = (LayerUnit(layer: 1, index: 1), LayerUnit(layer: 0, index: 7))
        let masked = shape.decoder
        mask(masked, group: group, neuron: neuron)
        let pruned = try shape.decoder.removing(heads: [group], neurons: [neuron])
        #expect(pruned.configuration.keyHeads[1] == shape.configuration.keyHeads[1] - 1)
        #expect(pruned.configuration.feedForward[0] == shape.configuration.feedForward[0] - 1)
        let wanted = masked.logits(batch)
        #expect(greatestDifference(pruned.logits(batch), wanted) < 1e-5 * max(1, wanted.values.map(abs).max()!))
        #expect(greatestDifference(shape.decoder.logits(batch), wanted) > 1e-2)
        #expect(pruned.parameterCount == pruned.configuration.parameterCount)
        try QuantizationFixture.withDirectory { directory in
            try DecoderDirectory.write(pruned, to: directory)
            let read = try DecoderDirectory.read(directory)
            #expect(read.configuration.keyHeads == pruned.configuration.keyHeads)
            #expect(greatestDifference(read.logits(batch), pruned.logits(batch)) == 0)
            // Token by token as at once: the caches have the layer's own heads.
            let session = DecoderSession(try DecoderDirectory.readRunner(directory))
            let last = session.append(sequences[0])
            let all = pruned.logits(PackedBatch([sequences[0]], samples: [0]))
            let row = Array(all.values.suffix(30))
            #expect(zip(last.values.suffix(30), row).allSatisfy { abs($0 - $1) < 1e-4 * max(1, abs($1)) })
        }
    }

    @Test("Query heads go in the same number from each group, keys and values stay")
    func queryHeads() throws {
        let shape = Self.shapes[1]
        let removed: Set = [0, 3, 5].map { LayerUnit(layer: 0, index: $0) }.reduce(into: Set()) { $0.insert($1) }
        let masked = shape.decoder
        for head in removed {
            PruningModel.scaleColumns(
                head.index * 4..<(head.index + 1) * 4, of: masked.layers[0].attentionOutput, by: 0)
        }
        let pruned = try shape.decoder.removing(queryHeads: removed)
        #expect(pruned.configuration.heads == [3, 6] && pruned.configuration.keyHeads == [3, 3])
        #expect(greatestDifference(pruned.logits(batch), masked.logits(batch)) < 1e-4)
        let uneven = #expect(throws: InputErrors.self) {
            try shape.decoder.removing(queryHeads: [LayerUnit(layer: 1, index: 0)])
        }
        #expect(uneven?.errors.map(\.problem) == ["the groups of layer 1 would keep [1, 2, 2] query heads"])
    }

    @Test("Whole layers go, and the others close ranks", arguments: shapes)
    func layers(_ shape: Shape) throws {
        let model = shape.decoder
        let pruned = try model.removing(layers: [0])
        #expect(pruned.configuration.layers == shape.configuration.layers - 1)
        #expect(pruned.layers[0].query.weight.value.values == model.layers[1].query.weight.value.values)
        #expect(pruned.parameterCount == pruned.configuration.parameterCount)
        let scores = try LayerRedundancy.scores(of: model, on: texts, key: RandomKey(1))
        #expect(scores.values.count == shape.configuration.layers && scores.values.joined().allSatisfy { $0 > 0 })
    }

    /// Layer 0 without attention, layer 1 without neurons; of three layers the last has neither.
    private func lost(_ shape: Shape) -> (groups: Set<LayerUnit>, neurons: Set<LayerUnit>) {
        let configuration = shape.configuration
        func all(_ counts: [Int], _ layers: [Int]) -> Set<LayerUnit> {
            Set(layers.flatMap { layer in (0..<counts[layer]).map { LayerUnit(layer: layer, index: $0) } })
        }
        let last = configuration.layers == 3 ? [2] : []
        return (all(configuration.keyHeads, [0] + last), all(configuration.feedForward, [1] + last))
    }

    @Test(
        "A layer without its attention or its feed-forward block gives what masking the block gives", arguments: shapes)
    func wholeBlocks(_ shape: Shape) throws {
        let (groups, neurons) = lost(shape)
        let masked = shape.decoder
        for group in groups { mask(masked, group: group) }
        for neuron in neurons { mask(masked, neuron: neuron) }
        let pruned = try shape.decoder.removing(heads: groups, neurons: neurons)
        #expect(pruned.configuration.heads[0] == 0 && pruned.configuration.keyHeads[0] == 0)
        #expect(pruned.configuration.feedForward[1] == 0)
        let wanted = masked.logits(batch)
        #expect(greatestDifference(pruned.logits(batch), wanted) < 1e-5 * max(1, wanted.values.map(abs).max()!))
        #expect(greatestDifference(shape.decoder.logits(batch), wanted) > 1e-2)
        #expect(pruned.parameterCount == pruned.configuration.parameterCount)
        #expect(pruned.parameters.allSatisfy { $0.value.count > 0 })
        try QuantizationFixture.withDirectory { directory in
            try DecoderDirectory.write(pruned, to: directory)
            let read = try DecoderDirectory.read(directory)
            #expect(read.configuration == pruned.configuration)
            #expect(greatestDifference(read.logits(batch), pruned.logits(batch)) == 0)
            // Token by token as at once.
            let session = DecoderSession(try DecoderDirectory.readRunner(directory))
            let rows = sequences[0].map { session.append([$0]).values }.joined()
            let all = pruned.logits(PackedBatch([sequences[0]], samples: [0])).values
            #expect(zip(rows, all).allSatisfy { abs($0 - $1) < 1e-4 * max(1, abs($1)) })
        }
    }

    @Test("What has lost whole blocks trains on, and is scored and pruned again", arguments: shapes)
    func trainingOn(_ shape: Shape) throws {
        let (groups, neurons) = lost(shape)
        let pruned = try shape.decoder.removing(heads: groups, neurons: neurons)
        let gradients = [false, true].map { isCheckpointing in
            let tape = Tape(checkpointing: isCheckpointing)
            tape.backward(
                from: pruned.forward(batch, on: tape, dropout: RandomKey(5)).hidden,
                seed: Tensor(repeating: 1, shape: [batch.tokens.count, shape.configuration.hiddenSize]))
            defer { for parameter in pruned.parameters { parameter.gradient.clear() } }
            return pruned.parameters.map(\.gradient.value)
        }
        for (parameter, (kept, again)) in zip(pruned.parameters, zip(gradients[0], gradients[1])) {
            let size = kept.values.map(abs).max()!
            #expect(parameter.name.contains("lm_head") || size > 0, "\(parameter.name)")
            #expect(greatestDifference(kept, again) <= 1e-4 * size, "\(parameter.name)")
        }
        let importance = try ImportanceCriterion.fisher.importance(
            of: pruned, calibration: texts, normalize: .layer, key: RandomKey(1))
        #expect(importance.heads.values.map(\.count) == pruned.configuration.keyHeads)
        #expect(importance.neurons.values.map(\.count) == pruned.configuration.feedForward)
        var pruner = try StructuredPruner(
            PruningOptions(
                criterion: .fisher, keepHeads: 0.01, keepNeurons: 0.01, rounds: 1, minimumHeads: 0, minimumNeurons: 0),
            headsPerLayer: pruned.configuration.keyHeads, neuronsPerLayer: pruned.configuration.feedForward)
        let nothing = try pruner.prune(pruned, calibration: texts, key: RandomKey(1))
        #expect(nothing.configuration.heads.allSatisfy { $0 == 0 })
        #expect(nothing.configuration.feedForward.allSatisfy { $0 == 0 })
        #expect(nothing.logits(batch).isFinite)
        try QuantizationFixture.withDirectory { directory in
            try DecoderDirectory.write(nothing, to: directory)
            #expect(try DecoderDirectory.read(directory).configuration == nothing.configuration)
        }
    }

    @Test("Units that do not exist are refused, all at once")
    func refusals() throws {
        let decoder = Self.shapes[2].decoder
        let error = #expect(throws: InputErrors.self) {
            try decoder.removing(
                heads: [LayerUnit(layer: 0, index: 0), LayerUnit(layer: 0, index: 1), LayerUnit(layer: 1, index: 2)],
                neurons: [LayerUnit(layer: 2, index: 20)])
        }
        #expect(
            error?.errors.map(\.problem) == [
                "there is no group 2 in layer 1", "there is no neuron 20 in layer 2",
            ])
        let labels = #expect(throws: InputError.self) {
            try ImportanceCriterion.fisher.importance(
                of: decoder, calibration: CalibrationSequences(sequences, target: .labels(sequences.map { _ in 0 })),
                normalize: .none, key: RandomKey(1))
        }
        #expect(labels?.problem == "a language model has no classes")
        let relevance = #expect(throws: InputError.self) {
            try ImportanceCriterion.relevance.importance(
                of: decoder, calibration: texts, normalize: .none, key: RandomKey(1))
        }
        #expect(relevance?.problem.contains("encoders alone") == true)
    }

    @Test("Groups and neurons are scored by every other criterion, in any order and batch", arguments: shapes)
    func scores(_ shape: Shape) throws {
        let model = shape.decoder
        for criterion in ImportanceCriterion.allCases where criterion != .relevance && criterion != .magnitude {
            for data in [texts, texts.withoutLabels] where criterion != .taylor || data.target == .nextTokens {
                func scores(_ data: CalibrationSequences, batch: Int) throws -> ModelImportance {
                    try criterion.importance(
                        of: model, calibration: data, normalize: .none, key: RandomKey(1), batch: batch)
                }
                let expected = try scores(data, batch: 16)
                #expect(expected.heads.values.map(\.count) == shape.configuration.keyHeads)
                #expect(expected.neurons.values.map(\.count) == shape.configuration.feedForward)
                let reversed = CalibrationSequences(data.sequences.reversed(), target: data.target)
                let found = try scores(reversed, batch: 3)
                for (a, b) in zip(expected.heads.values.joined(), found.heads.values.joined()) {
                    #expect(abs(a - b) < 1e-4 + 1e-3 * abs(a), "\(criterion)")
                }
            }
        }
    }

    @Test("Without labels Fisher's score of texts is the curvature of their divergence, however many tokens they have")
    func curvature() throws {
        let texts: [[Int32]] = (0..<300).map { example in
            let key = RandomKey(4).mixed(example)
            return (0..<12).map { Int32(key.bits($0) % 30) }
        }
        let shape = Self.shapes[1]
        let calibration = CalibrationSequences(texts, target: .ownOutputs)
        let fisher = try ImportanceCriterion.fisher.importance(
            of: shape.decoder, calibration: calibration, normalize: .none, key: RandomKey(1), neurons: false)
        let step: Float = 0.03
        for group in 0..<3 {
            let divergences = try [1 + step, 1 - step].map { factor in
                let model = shape.decoder
                let layer = model.layers[1]
                let width = layer.heads / layer.keyHeads * model.configuration.headSize
                PruningModel.scaleColumns(
                    group * width..<(group + 1) * width, of: layer.attentionOutput, by: factor)
                return try OutputDivergence.mean(of: model, from: shape.decoder, on: calibration)
            }
            let curvature = (divergences[0] + divergences[1]) / Double(step * step)
            #expect(abs(fisher.heads.values[1][group] - curvature) < 0.25 * curvature, "group \(group)")
        }
    }

    @Test("Ablation of a group is the change of the text's cross-entropy per token", arguments: shapes)
    func ablation(_ shape: Shape) throws {
        func losses(_ model: Decoder) -> [Double] {
            sequences.map { tokens in
                let logits = model.logits(PackedBatch([tokens], samples: [0])).values.map(Double.init)
                let sum = tokens.indices.dropLast().reduce(0.0) { sum, row in
                    let z = logits[row * 30..<(row + 1) * 30]
                    let largest = z.max()!
                    return sum + log(z.reduce(0) { $0 + exp($1 - largest) }) + largest
                        - logits[row * 30 + Int(tokens[row + 1])]
                }
                return sum / Double(tokens.count - 1)
            }
        }
        let masked = shape.decoder
        mask(masked, group: LayerUnit(layer: 1, index: 0))
        let change = zip(losses(masked), losses(shape.decoder)).reduce(0.0) { $0 + $1.0 - $1.1 } / 10
        let found = try ImportanceCriterion.ablation.importance(
            of: shape.decoder, calibration: texts, normalize: .none, key: RandomKey(1), neurons: false)
        #expect(abs(found.heads.values[1][0] - change) < 1e-4 * max(1, abs(change)))
    }

    @Test("Rounds prune a decoder as they prune an encoder")
    func rounds() throws {
        let model = Self.shapes[1].decoder
        var pruner = try StructuredPruner(
            PruningOptions(criterion: .fisher, keepHeads: 0.5, keepNeurons: 0.5, rounds: 2),
            headsPerLayer: model.configuration.keyHeads, neuronsPerLayer: model.configuration.feedForward)
        var pruned = model
        for _ in 0..<2 { pruned = try pruner.prune(pruned, calibration: texts, key: RandomKey(1)) }
        #expect(pruned.configuration.keyHeads.reduce(0, +) == 3)
        #expect(pruned.configuration.heads == pruned.configuration.keyHeads.map { 2 * $0 })
        #expect(pruned.configuration.feedForward.reduce(0, +) == 20)
    }
}
