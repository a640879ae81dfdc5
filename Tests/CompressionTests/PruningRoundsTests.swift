import Compression
import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Pruning in rounds")
struct PruningRoundsTests {
    private let data = PruningModel.examples(24)
    private let key = RandomKey(11)
    private let options = PruningOptions(keepHeads: 0.5, keepNeurons: 0.5, rounds: 3, minimumHeads: 1)

    /// Stands for the recovery training between rounds: it changes the weights.
    private func recover(_ model: Encoder) {
        for parameter in model.parameters {
            let values = parameter.value.values.enumerated().map { $1 + 0.02 * Float(key.normal($0)) }
            parameter.value = Tensor(values, shape: parameter.value.shape)
        }
    }

    private func run(
        _ pruner: inout StructuredPruner, _ model: Encoder, rounds: Int
    ) throws -> Encoder {
        var model = model
        for _ in 0..<rounds {
            model = try pruner.prune(model, calibration: CalibrationSequences(data), key: key)
            recover(model)
        }
        return model
    }

    @Test("The rounds meet both budgets, and the table has every head of the unpruned model once")
    func budgets() throws {
        let original = PruningModel.encoder()
        var pruner = try StructuredPruner(options, configuration: original.configuration)
        let pruned = try run(&pruner, original, rounds: 3)
        #expect(pruner.isFinished)
        #expect(original.configuration.heads == [4, 3, 4])
        #expect(pruned.configuration.heads.reduce(0, +) == 6)
        #expect(pruned.configuration.heads.allSatisfy { $0 >= 1 })
        #expect(pruned.configuration.feedForward.reduce(0, +) == 32)
        let all = [(0, 4), (1, 3), (2, 4)].flatMap { layer, count in (0..<count).map { [layer, $0] } }
        #expect(pruner.heads.map { [$0.layer, $0.head] } == all)
        for layer in 0..<3 {
            let left = pruner.heads.filter { $0.layer == layer && $0.removedInRound == nil }
            #expect(left.count == pruned.configuration.heads[layer])
            #expect(left.allSatisfy { $0.roundScored == 3 })
        }
        for record in pruner.heads {
            #expect((record.removedInRound ?? 3) == record.roundScored)
            #expect(record.low <= record.score && record.score <= record.high && record.rankStability != nil)
        }
        for round in 1...3 { #expect(pruner.heads.contains { $0.removedInRound == round }) }
        #expect(pruner.feedForward.map(\.round) == [1, 1, 1, 2, 2, 2, 3, 3, 3])
        #expect(pruner.feedForward.suffix(3).map(\.after) == pruned.configuration.feedForward)
        #expect(pruner.feedForward.allSatisfy { ($0.removedScoreShare > 0) == ($0.after < $0.before) })
    }

    @Test("Heads keep their numbers of the unpruned model: the rows that are left are those of the heads left")
    func identity() throws {
        let original = PruningModel.encoder()
        var pruner = try StructuredPruner(
            PruningOptions(keepHeads: 0.5, rounds: 3), configuration: original.configuration)
        var pruned = original
        for _ in 0..<3 { pruned = try pruner.prune(pruned, calibration: CalibrationSequences(data), key: key) }
        for (layer, block) in pruned.layers.enumerated() {
            let left = pruner.heads.filter { $0.layer == layer && $0.removedInRound == nil }.map(\.head)
            let old = original.layers[layer].query.weight.value.values
            let rows = left.flatMap { Array(old[$0 * 4 * 16..<($0 + 1) * 4 * 16]) }
            #expect(block.query.weight.value.values == rows, "layer \(layer)")
        }
        #expect(pruned.configuration.feedForward == original.configuration.feedForward)
        #expect(pruner.feedForward.isEmpty)
    }

    @Test("Neurons keep their numbers too, with the score and the interval of their last round")
    func neurons() throws {
        let original = PruningModel.encoder()
        var pruner = try StructuredPruner(options, configuration: original.configuration)
        var pruned = original
        for _ in 0..<3 { pruned = try pruner.prune(pruned, calibration: CalibrationSequences(data), key: key) }
        #expect(pruner.neurons.map(\.layer) == [0, 1, 2] && pruner.neurons.map(\.scores.count) == [24, 16, 24])
        for (layer, record) in zip(pruned.layers, pruner.neurons) {
            let left = record.removedInRound.indices.filter { record.removedInRound[$0] == 0 }
            let old = original.layers[record.layer].intermediate.weight.value.values
            #expect(
                layer.intermediate.weight.value.values == left.flatMap { Array(old[$0 * 16..<($0 + 1) * 16]) },
                "layer \(record.layer)")
            for neuron in record.scores.indices {
                #expect(record.low[neuron] <= record.scores[neuron] && record.scores[neuron] <= record.high[neuron])
                #expect(record.isTold(neuron) == nil)
            }
            #expect(record.low != record.high)
        }
        let rounds = Set(pruner.neurons.flatMap(\.removedInRound))
        #expect(rounds == [0, 1, 2, 3])
        let state = try JSONEncoder().encode(pruner)
        #expect(try JSONDecoder().decode(StructuredPruner.self, from: state) == pruner)
        // A state of a version that did not record neurons.
        var old = try #require(JSONSerialization.jsonObject(with: state) as? [String: Any])
        old["scoredNeurons"] = nil
        let read = try JSONDecoder().decode(
            StructuredPruner.self, from: JSONSerialization.data(withJSONObject: old))
        #expect(read.neurons.isEmpty && read.heads.count == pruner.heads.count)
    }

    @Test("The heads with the lowest scores go")
    func lowestGo() throws {
        let original = PruningModel.encoder(heads: [4, 4], feedForward: [8, 8])
        PruningModel.scaleHead(2, layer: 1, of: original, by: 0)
        var pruner = try StructuredPruner(
            PruningOptions(keepHeads: 0.875, rounds: 1), configuration: original.configuration)
        _ = try pruner.prune(original, calibration: CalibrationSequences(data), key: key)
        let removed = pruner.heads.filter { $0.removedInRound == 1 }
        #expect(removed.map { [$0.layer, $0.head] } == [[1, 2]])
        #expect(removed.map(\.score) == [0])
    }

    @Test(
        "Scores are taken again each round, on the model as it is then",
        arguments: ImportanceCriterion.allCases)
    func rescoring(criterion: ImportanceCriterion) throws {
        let original = PruningModel.encoder()
        var pruner = try StructuredPruner(
            PruningOptions(criterion: criterion, keepHeads: 0.5, rounds: 2), configuration: original.configuration)
        let once = try run(&pruner, original, rounds: 1)
        let expected = try criterion.importance(
            of: once, calibration: CalibrationSequences(data), normalize: .layer, key: key.mixed(2))
        _ = try pruner.prune(once, calibration: CalibrationSequences(data), key: key)
        let scored = pruner.heads.filter { $0.roundScored == 2 }
        #expect(scored.map(\.score) == Array(expected.heads.values.joined()))
    }

    @Test("A pruner restored from its saved state goes on as the original does")
    func resumes() throws {
        let original = PruningModel.encoder()
        var straight = try StructuredPruner(options, configuration: original.configuration)
        let expected = try run(&straight, original, rounds: 3)

        var interrupted = try StructuredPruner(options, configuration: original.configuration)
        let half = try run(&interrupted, original, rounds: 1)
        let saved = try JSONEncoder().encode(interrupted)
        var restored = try JSONDecoder().decode(StructuredPruner.self, from: saved)
        #expect(restored == interrupted && restored.roundsDone == 1)
        let found = try run(&restored, half, rounds: 2)
        #expect(restored == straight)
        #expect(found.configuration == expected.configuration)
        #expect(found.parameters.map(\.value.values) == expected.parameters.map(\.value.values))
    }

    @Test("A model that is not what the last round left is refused, and so is a round too many")
    func wrongModel() throws {
        let original = PruningModel.encoder()
        var pruner = try StructuredPruner(options, configuration: original.configuration)
        _ = try run(&pruner, original, rounds: 1)
        let before = pruner
        let error = #expect(throws: InputError.self) {
            try pruner.prune(original, calibration: CalibrationSequences(data), key: key)
        }
        #expect(error?.problem.contains("after 1 rounds") == true)
        #expect(pruner == before)

        var finished = try StructuredPruner(options, configuration: original.configuration)
        let pruned = try run(&finished, original, rounds: 3)
        let late = #expect(throws: InputError.self) {
            try finished.prune(pruned, calibration: CalibrationSequences(data), key: key)
        }
        #expect(late?.problem == "all 3 rounds of pruning are done")
    }

    @Test("Budgets that cannot be met are refused before anything is scored")
    func impossible() {
        let configuration = PruningModel.encoder().configuration
        #expect(throws: InputError.self) {
            try StructuredPruner(
                PruningOptions(keepHeads: 0.4, rounds: 2, minimumHeads: 2), configuration: configuration)
        }
        #expect(throws: InputErrors.self) {
            try StructuredPruner(PruningOptions(keepHeads: 0, rounds: 2), configuration: configuration)
        }
        let neurons = #expect(throws: InputErrors.self) {
            try StructuredPruner(
                PruningOptions(keepHeads: 0.5, keepNeurons: 1.5, rounds: 2), configuration: configuration)
        }
        #expect(neurons?.errors.map(\.field) == ["prune.feed_forward.keep"])
    }

    @Test("A saved state with impossible numbers is refused without a crash")
    func brokenState() throws {
        let original = PruningModel.encoder()
        var pruner = try StructuredPruner(
            PruningOptions(keepHeads: 0.5, rounds: 3), configuration: original.configuration)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        func refuses(_ model: Encoder, _ changes: [(from: String, to: String)]) throws {
            let text = try #require(String(data: encoder.encode(pruner), encoding: .utf8))
            for (from, to) in changes {
                #expect(text.contains(from))
                let broken = Data(text.replacingOccurrences(of: from, with: to).utf8)
                var restored = try JSONDecoder().decode(StructuredPruner.self, from: broken)
                #expect(throws: (any Error).self, "\(to)") {
                    try restored.prune(model, calibration: CalibrationSequences(data), key: key)
                }
            }
        }
        try refuses(
            original,
            [
                ("\"headsPerLayer\":[4,3,4]", "\"headsPerLayer\":[-4,3,4]"),
                ("\"headsPerLayer\":[4,3,4]", "\"headsPerLayer\":[9223372036854775807,3,4]"),
                ("\"headsPerLayer\":[4,3,4]", "\"headsPerLayer\":[]"),
                ("\"rounds\":3", "\"rounds\":0"), ("\"rounds\":3", "\"rounds\":9223372036854775807"),
                ("\"minimumHeads\":1", "\"minimumHeads\":-9223372036854775808"),
                ("\"roundsDone\":0", "\"roundsDone\":2"),
                ("\"roundsDone\":0", "\"roundsDone\":9223372036854775807"),
            ])
        let pruned = try run(&pruner, original, rounds: 1)
        try refuses(
            pruned,
            [
                ("\"roundsDone\":1", "\"roundsDone\":-1"), ("\"roundsDone\":1", "\"roundsDone\":0"),
                ("\"layer\":2,\"", "\"layer\":7,\""),
            ])
    }
}
