import Compression
import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Importance criteria")
struct ImportanceCriteriaTests {
    private let key = RandomKey(5)
    private let data = CalibrationSequences(PruningModel.examples(20))

    private func scores(
        _ criterion: ImportanceCriterion, _ data: CalibrationSequences, of model: Encoder = PruningModel.encoder(),
        batch: Int = 8
    ) throws -> ModelImportance {
        try criterion.importance(of: model, calibration: data, normalize: .none, key: key, batch: batch)
    }

    private func single(_ example: Int) -> CalibrationSequences {
        CalibrationSequences(PruningModel.subset(PruningModel.examples(20), [example]))
    }

    private static let measured = ImportanceCriterion.allCases.filter { $0 != .magnitude }

    @Test("Scores do not depend on batch size and order, with labels and without", arguments: measured)
    func invariance(criterion: ImportanceCriterion) throws {
        let shuffled = CalibrationSequences(
            PruningModel.subset(PruningModel.examples(20), RandomKey(4).permutation(20)))
        #expect(shuffled.sequences != data.sequences)
        for (data, shuffled) in [(data, shuffled), (data.withoutLabels, shuffled.withoutLabels)] {
            if criterion == .taylor, data.target == .ownOutputs { continue }
            let expected = try scores(criterion, data)
            #expect(try scores(criterion, shuffled) == expected)
            for batch in [1, 7, 64] {
                let found = try scores(criterion, data, batch: batch)
                for (a, b) in zip(
                    (expected.heads.values + expected.neurons.values).joined(),
                    (found.heads.values + found.neurons.values).joined())
                {
                    #expect(abs(a - b) < 2e-5 + 1e-3 * abs(a), "batch \(batch)")
                }
            }
            #expect(expected.heads.intervals != nil && expected.heads.rankStability != nil)
        }
    }

    @Test("A second measurement gives the same numbers and leaves weights and gradients alone", arguments: measured)
    func noAccumulation(criterion: ImportanceCriterion) throws {
        let model = PruningModel.encoder()
        let weights = model.parameters.map(\.value.values)
        let first = try scores(criterion, data, of: model)
        #expect(model.parameters.allSatisfy { $0.gradient.value.sumOfSquares == 0 })
        #expect(try scores(criterion, data, of: model) == first)
        #expect(model.parameters.map(\.value.values) == weights)
    }

    @Test("A pass tells how far it is, and can be ended without a trace", arguments: measured)
    func progress(criterion: ImportanceCriterion) throws {
        struct Ended: Error {}
        let model = PruningModel.encoder()
        let weights = model.parameters.map(\.value.values)
        var told: [Int] = []
        var watched = data
        watched.advanced = { told.append($0) }
        let expected = try scores(criterion, data, of: model)
        #expect(try scores(criterion, watched, of: model) == expected)
        #expect(told == told.sorted() && told.first == 0 && Set([8, 16]).isSubset(of: told) && told.last! < data.count)
        watched.advanced = { done in if done >= 16 { throw Ended() } }
        #expect(throws: Ended.self) { try scores(criterion, watched, of: model) }
        #expect(model.parameters.map(\.value.values) == weights)
        #expect(model.parameters.allSatisfy { $0.gradient.value.sumOfSquares == 0 })
        #expect(try scores(criterion, data, of: model) == expected)
    }

    @Test("A head and a neuron that write nothing score nothing where the loss or the answer is asked")
    func silent() throws {
        let model = PruningModel.encoder()
        PruningModel.scaleHead(2, layer: 1, of: model, by: 0)
        PruningModel.scaleNeuron(5, layer: 0, of: model, by: 0)
        for criterion in [ImportanceCriterion.sensitivity, .taylor, .fisher, .relevance, .ablation] {
            let found = try scores(criterion, data, of: model)
            #expect(abs(found.heads.values[1][2]) < 1e-7, "\(criterion)")
            #expect(abs(found.neurons.values[0][5]) < 1e-7, "\(criterion)")
            #expect(found.heads.values.joined().count { abs($0) < 1e-7 } == 1, "\(criterion)")
        }
    }

    @Test("Taylor's score of a head is |Σ W ⊙ ∂L/∂W| over its columns of the output projection")
    func taylor() throws {
        let model = PruningModel.encoder()
        let found = try scores(.taylor, data, of: model).heads.values
        let examples = PruningModel.examples(20)
        let tape = Tape()
        let output = model.forward(examples.batch(Array(0..<20)), on: tape)
        tape.backward(from: tape.crossEntropy(output.logits, labels: examples.labels, normalizer: 20))
        for (layer, block) in model.layers.enumerated() {
            let (weight, gradient) = (
                block.attentionOutput.weight.value.values, block.attentionOutput.weight.gradient.value.values
            )
            let width = block.attentionOutput.weight.value.width
            for head in 0..<block.heads {
                let sum = weight.indices.filter { $0 % width / 4 == head }.reduce(0.0) {
                    $0 + Double(weight[$1] * gradient[$1])
                }
                #expect(abs(found[layer][head] - abs(sum)) < 1e-5 + 1e-3 * abs(sum), "layer \(layer), head \(head)")
            }
        }
        for parameter in model.parameters { parameter.gradient.clear() }
    }

    @Test("Of a single example Fisher's score is the square of sensitivity's, and Taylor's the same as it")
    func squares() throws {
        let one = single(3)
        let sensitivity = try scores(.sensitivity, one).heads.values.joined()
        for (a, b) in zip(sensitivity, try scores(.fisher, one).heads.values.joined()) {
            #expect(abs(a * a - b) < 1e-6 + 1e-4 * b)
        }
        for (a, b) in zip(sensitivity, try scores(.taylor, one).heads.values.joined()) { #expect(abs(a - b) < 1e-6) }
    }

    @Test("Ablation is the change of the loss, or the divergence from the whole model's answer")
    func ablation() throws {
        let labels = PruningModel.examples(20).labels
        func logProbabilities(_ model: Encoder) -> [[Double]] {
            let logits = PruningModel.logits(model, PruningModel.examples(20)).map(Double.init)
            return (0..<20).map { row in
                let z = logits[row * 3..<row * 3 + 3]
                let sum = log(z.reduce(0) { $0 + exp($1) })
                return z.map { $0 - sum }
            }
        }
        let whole = logProbabilities(PruningModel.encoder())
        let labelled = try scores(.ablation, data)
        let unlabelled = try scores(.ablation, data.withoutLabels)
        for (layer, head) in [(0, 0), (1, 2), (2, 3)] {
            let masked = PruningModel.encoder()
            PruningModel.scaleHead(head, layer: layer, of: masked, by: 0)
            let other = logProbabilities(masked)
            let change = (0..<20).reduce(0.0) { $0 + whole[$1][labels[$1]] - other[$1][labels[$1]] } / 20
            #expect(abs(labelled.heads.values[layer][head] - change) < 1e-5)
            var divergence = 0.0
            for (p, q) in zip(whole.joined(), other.joined()) { divergence += exp(p) * (p - q) / 20 }
            #expect(abs(unlabelled.heads.values[layer][head] - divergence) < 1e-5)
        }
        let masked = PruningModel.encoder()
        PruningModel.scaleNeuron(7, layer: 1, of: masked, by: 0)
        let other = logProbabilities(masked)
        let change = (0..<20).reduce(0.0) { $0 + whole[$1][labels[$1]] - other[$1][labels[$1]] } / 20
        #expect(abs(labelled.neurons.values[1][7] - change) < 1e-5)
        #expect(unlabelled.heads.values.joined().allSatisfy { $0 > 0 })
    }

    @Test("Without labels Fisher's score is the curvature of the divergence from the model's own answers")
    func curvature() throws {
        let data = PruningModel.examples(400)
        let fisher = try scores(.fisher, CalibrationSequences(data).withoutLabels).heads.values
        func probabilities(_ model: Encoder) -> [Double] {
            let logits = PruningModel.logits(model, data).map(Double.init)
            return (0..<400).flatMap { row in
                let powers = logits[row * 3..<row * 3 + 3].map(exp)
                return powers.map { $0 / powers.reduce(0, +) }
            }
        }
        let whole = probabilities(PruningModel.encoder())
        let step = 0.05
        for (layer, head) in [(0, 0), (1, 1), (2, 2)] {
            let divergences = [1 + step, 1 - step].map { factor in
                let model = PruningModel.encoder()
                PruningModel.scaleHead(head, layer: layer, of: model, by: Float(factor))
                return zip(whole, probabilities(model)).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) } / 400
            }
            let curvature = (divergences[0] + divergences[1]) / (step * step)
            #expect(abs(fisher[layer][head] - curvature) < 0.25 * curvature, "layer \(layer), head \(head)")
        }
    }

    @Test("Activation is the root of the mean square over texts of the mean over tokens of a head's norm")
    func activation() throws {
        let model = PruningModel.encoder()
        let found = try scores(.activation, data, of: model)
        var (head, neuron) = (0.0, 0.0)
        for tokens in data.sequences {
            let output = model.forward(
                PackedBatch([tokens], samples: [0]), on: Tape(recording: false), capturing: true)
            let (context, inner) = (output.contexts[1].value.values, output.activations[2].value.values)
            let norms = tokens.indices.map { row in
                (4..<8).reduce(0.0) { $0 + pow(Double(context[row * 12 + $1]), 2) }.squareRoot()
            }
            head += pow(norms.reduce(0, +) / Double(tokens.count), 2)
            neuron += pow(
                tokens.indices.reduce(0.0) { $0 + abs(Double(inner[$1 * 24 + 9])) } / Double(tokens.count), 2)
        }
        #expect(abs(found.heads.values[1][1] - (head / 20).squareRoot()) < 1e-5)
        #expect(abs(found.neurons.values[2][9] - (neuron / 20).squareRoot()) < 1e-5)
    }

    @Test(
        "Criteria that look at the loss or the answer order heads much as ablation does",
        arguments: [
            ImportanceCriterion.sensitivity, .fisher, .relevance,
        ])
    func agreement(criterion: ImportanceCriterion) throws {
        let data = CalibrationSequences(PruningModel.examples(60)).withoutLabels
        let found = Array(try scores(criterion, data).heads.values.joined())
        let reference = Array(try scores(.ablation, data).heads.values.joined())
        #expect(try #require(RankCorrelation.spearman(found, reference)) > 0.5)
    }

    @Test(
        "Relevance is what automatic differentiation of the rule finds", arguments: ["bert", "roberta", "distilbert"])
    func relevance(family: String) throws {
        struct Golden: Decodable {
            struct Scores: Decodable {
                var heads: [[Double]]
                var neurons: [[Double]]
            }
            var sequences: [[Int32]]
            var bert: Scores
            var roberta: Scores
            var distilbert: Scores
        }
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden")
        let golden = try JSONDecoder().decode(
            Golden.self, from: Data(contentsOf: folder.appendingPathComponent("relevance.json")))
        let model = try ModelDirectory.readEncoder(folder.appendingPathComponent("encoders/\(family)-classification"))
        let found = try scores(.relevance, CalibrationSequences(golden.sequences, target: .ownOutputs), of: model)
        let expected = ["bert": golden.bert, "roberta": golden.roberta, "distilbert": golden.distilbert][family]!
        for (a, b) in zip(found.heads.values.joined(), expected.heads.joined()) {
            #expect(abs(a - b) < 1e-4 * max(1, b), "\(a) \(b)")
        }
        for (a, b) in zip(found.neurons.values.joined(), expected.neurons.joined()) {
            #expect(abs(a - b) < 1e-4 * max(1, b), "\(a) \(b)")
        }
        #expect(found.heads.values.map(\.count) == expected.heads.map(\.count))
    }

    @Test("An embedding model is scored against its own outputs, where labels are refused")
    func embedding() throws {
        let model = QuantizationFixture.encoder {
            ($0.head, $0.pooling, $0.normalizesEmbedding, $0.labels) = (.embedding, .mean, true, [])
        }
        let data = CalibrationSequences(QuantizationFixture.sequences(30), target: .ownOutputs)
        var orders: [ImportanceCriterion: [Double]] = [:]
        for criterion in Self.measured where criterion != .taylor {
            orders[criterion] = Array(try scores(criterion, data, of: model).heads.values.joined())
        }
        let reference = try #require(orders[.ablation])
        #expect(reference.allSatisfy { $0 > 0 })
        #expect(try #require(RankCorrelation.spearman(orders[.fisher]!, reference)) > 0.5)
    }

    @Test("What a criterion needs and does not have is an error with a way out")
    func refusals() throws {
        let model = PruningModel.encoder()
        for criterion in Self.measured {
            let error = #expect(throws: InputError.self) {
                try criterion.importance(of: model, calibration: nil, normalize: .layer, key: key)
            }
            #expect(error?.problem == "\(criterion.rawValue) needs calibration examples, found none")
        }
        let error = #expect(throws: InputError.self) { try scores(.taylor, data.withoutLabels) }
        #expect(error?.problem.contains("taylor needs labels") == true && error?.remedy?.contains("fisher") == true)
        let next = #expect(throws: InputError.self) {
            try scores(.fisher, CalibrationSequences(data.sequences, target: .nextTokens))
        }
        #expect(next?.problem.contains("no next tokens") == true)
    }

    @Test("An interval of |mean| that holds zero begins with it, and the head is marked")
    func marks() throws {
        var signed = ExampleScores(unitsPerLayer: [2], statistic: .magnitudeOfMean)
        for example in 0..<100 {
            signed.append([RandomKey(1).normal(example), -1 + 0.1 * RandomKey(2).normal(example)])
        }
        let summary = signed.summary(normalize: .none, key: key)
        let intervals = try #require(summary.intervals)[0]
        #expect(intervals[0].lowerBound == 0 && intervals[0].upperBound > 0.1)
        #expect(intervals[1].lowerBound > 0.9 && intervals[1].contains(summary.values[0][1]))
        #expect(abs(summary.values[0][1] - 1) < 0.05)
    }

    @Test("What each criterion would remove is in a table, and its agreement with another is a number")
    func comparison() throws {
        let model = PruningModel.encoder()
        #expect(CriterionComparison.quickCriteria(nil) == [.magnitude])
        #expect(!CriterionComparison.quickCriteria(data.withoutLabels).contains(.taylor))
        let comparison = try CriterionComparison(
            of: model, by: CriterionComparison.quickCriteria(data) + [.ablation], on: data, normalize: .layer,
            removing: 3, keepingAtLeast: 1, key: key)
        #expect(comparison.entries.count == 7 && comparison.entries.allSatisfy { $0.chosen.count == 3 })
        #expect(comparison.agreement(with: .ablation)[.ablation] == 1)
        #expect(comparison.agreement(with: .ablation).count == 7)
        try QuantizationFixture.withDirectory { directory in
            let url = directory.appendingPathComponent("criteria.csv")
            try comparison.write(to: url)
            let lines = try String(contentsOf: url, encoding: .utf8).split(separator: "\n")
            #expect(lines.count == 1 + 7 * 11)
            #expect(lines.count { $0.hasSuffix(",yes") } == 7 * 3)
        }
    }
}
