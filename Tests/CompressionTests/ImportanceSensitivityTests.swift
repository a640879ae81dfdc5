import Compression
import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Sensitivity")
struct ImportanceSensitivityTests {
    private let key = RandomKey(9)

    private func importance(
        _ model: Encoder, _ data: LabelledSequences, batch: Int = 4, normalize: ScoreNormalization = .none
    ) throws -> ModelImportance {
        try ImportanceCriterion.sensitivity.importance(
            of: model, calibration: CalibrationSequences(data), normalize: normalize, key: key, batch: batch)
    }

    /// Σ −log softmax(z)[y] in double precision.
    private func loss(_ model: Encoder, _ data: LabelledSequences) -> Double {
        let logits = PruningModel.logits(model, data).map(Double.init)
        return data.labels.enumerated().reduce(0) { sum, example in
            let row = logits[example.offset * 3..<example.offset * 3 + 3]
            return sum + log(row.reduce(0) { $0 + exp($1) }) - row[row.startIndex + example.element]
        }
    }

    /// |∂L/∂ξ| at ξ = 1 by central differences, where `scale` puts a factor ξ on a unit's output.
    private func difference(_ data: LabelledSequences, _ scale: (Encoder, Float) -> Void) -> Double {
        let step: Float = 0.02
        let losses = [1 + step, 1 - step].map { factor in
            let model = PruningModel.encoder()
            scale(model, factor)
            return loss(model, data)
        }
        return abs(losses[0] - losses[1]) / Double(2 * step)
    }

    @Test("A head's score is the loss's derivative with respect to a mask on the head")
    func headDerivative() throws {
        let model = PruningModel.encoder()
        let data = PruningModel.subset(PruningModel.examples(3), [2])
        let scores = try importance(model, data).heads.values
        #expect(scores.map(\.count) == [4, 3, 4])
        for layer in 0..<3 {
            for head in scores[layer].indices {
                let expected = difference(data) { PruningModel.scaleHead(head, layer: layer, of: $0, by: $1) }
                #expect(abs(scores[layer][head] - expected) < 1e-4 + 0.01 * expected, "layer \(layer), head \(head)")
            }
        }
        #expect(scores.joined().max()! > 0.01)
    }

    @Test("A neuron's score is the loss's derivative with respect to a mask on the neuron")
    func neuronDerivative() throws {
        let model = PruningModel.encoder()
        let data = PruningModel.subset(PruningModel.examples(3), [1])
        let scores = try importance(model, data).neurons.values
        #expect(scores.map(\.count) == [24, 16, 24])
        for (layer, neuron) in [(0, 0), (0, 23), (1, 7), (1, 15), (2, 3), (2, 11)] {
            let expected = difference(data) { PruningModel.scaleNeuron(neuron, layer: layer, of: $0, by: $1) }
            #expect(abs(scores[layer][neuron] - expected) < 1e-4 + 0.01 * expected, "layer \(layer), neuron \(neuron)")
        }
        #expect(scores.joined().max()! > 0.01)
    }

    @Test("The score of a set is the mean over its examples of what each scores alone")
    func meanOverExamples() throws {
        let model = PruningModel.encoder()
        let data = PruningModel.examples(7)
        let together = try importance(model, data)
        let alone = try (0..<7).map { try importance(model, PruningModel.subset(data, [$0])) }
        for layer in 0..<3 {
            for head in together.heads.values[layer].indices {
                let mean = alone.reduce(0) { $0 + $1.heads.values[layer][head] } / 7
                #expect(abs(together.heads.values[layer][head] - mean) < 1e-5 + 1e-4 * mean)
            }
            for neuron in together.neurons.values[layer].indices {
                let mean = alone.reduce(0) { $0 + $1.neurons.values[layer][neuron] } / 7
                #expect(abs(together.neurons.values[layer][neuron] - mean) < 1e-5 + 1e-4 * mean)
            }
        }
    }

    @Test("Scores do not depend on the batch size", arguments: [1, 3, 64])
    func batchSize(batch: Int) throws {
        let model = PruningModel.encoder()
        let data = PruningModel.examples(20)
        let expected = try importance(model, data, batch: 8)
        let found = try importance(model, data, batch: batch)
        for (a, b) in zip(expected.heads.values.joined(), found.heads.values.joined()) {
            #expect(abs(a - b) < 1e-5 + 1e-4 * a)
        }
        for (a, b) in zip(expected.neurons.values.joined(), found.neurons.values.joined()) {
            #expect(abs(a - b) < 1e-5 + 1e-4 * a)
        }
    }

    @Test("Scores, intervals and stability are the same numbers for the examples in any order")
    func order() throws {
        let model = PruningModel.encoder()
        let data = PruningModel.examples(20)
        let shuffled = PruningModel.subset(data, RandomKey(4).permutation(20))
        #expect(shuffled.sequences != data.sequences)
        #expect(try importance(model, data) == importance(model, shuffled))
    }

    @Test("A second measurement gives the same scores, and leaves weights and gradients alone")
    func noAccumulation() throws {
        let model = PruningModel.encoder()
        let data = PruningModel.examples(10)
        let weights = model.parameters.map(\.value.values)
        let first = try importance(model, data)
        #expect(model.parameters.allSatisfy { $0.gradient.value.sumOfSquares == 0 })
        #expect(try importance(model, data) == first)
        #expect(model.parameters.map(\.value.values) == weights)
    }

    @Test("Normalized by layer, the scores of a layer have the norm one and the same proportions")
    func normalization() throws {
        let model = PruningModel.encoder()
        let data = PruningModel.examples(10)
        let raw = try importance(model, data)
        let normalized = try importance(model, data, normalize: .layer)
        for (a, b) in zip(raw.heads.values + raw.neurons.values, normalized.heads.values + normalized.neurons.values) {
            #expect(abs(b.reduce(0) { $0 + $1 * $1 } - 1) < 1e-9)
            #expect(abs(a[0] / a[1] - b[0] / b[1]) < 1e-6 * a[0] / a[1])
        }
    }

    @Test("Every head's score lies in its interval")
    func intervals() throws {
        let importance = try importance(PruningModel.encoder(), PruningModel.examples(40), normalize: .layer)
        let intervals = try #require(importance.heads.intervals)
        for (score, interval) in zip(importance.heads.values.joined(), intervals.joined()) {
            #expect(interval.contains(score) && interval.lowerBound < interval.upperBound)
        }
        #expect(importance.heads.rankStability != nil && importance.neurons.rankStability != nil)
    }

    @Test("Sensitivity without examples, without labels or with examples of another model is refused")
    func refusals() {
        let model = PruningModel.encoder()
        let cases: [(LabelledSequences?, String)] = [
            (nil, "needs calibration examples"),
            (LabelledSequences(sequences: [], labels: []), "no calibration examples"),
            (LabelledSequences(sequences: [[1], [2]], labels: [0, -1]), "example 2 of 2 has label -1"),
            (LabelledSequences(sequences: [[1]], labels: [3]), "has label 3, expected 0 to 2"),
            (LabelledSequences(sequences: [[]], labels: [0]), "has 0 tokens"),
            (LabelledSequences(sequences: [Array(repeating: 1, count: 17)], labels: [0]), "has 17 tokens"),
            (LabelledSequences(sequences: [[40]], labels: [0]), "outside the vocabulary of 40"),
            (LabelledSequences(sequences: [[-1]], labels: [0]), "outside the vocabulary of 40"),
        ]
        for (data, problem) in cases {
            let error = #expect(throws: InputError.self) {
                try ImportanceCriterion.sensitivity.importance(
                    of: model, calibration: data.map { CalibrationSequences($0) }, normalize: .layer, key: key)
            }
            #expect(error?.problem.contains(problem) == true, "\(problem)")
            #expect(error?.remedy != nil)
        }
    }

    @Test("A model that has diverged is refused, not ranked", arguments: ImportanceCriterion.allCases)
    func diverged(criterion: ImportanceCriterion) throws {
        let model = PruningModel.encoder()
        PruningModel.scaleHead(0, layer: 0, of: model, by: .nan)
        #expect(throws: InputError.self) {
            try criterion.importance(
                of: model, calibration: CalibrationSequences(PruningModel.examples(4)), normalize: .layer, key: key)
        }
    }
}
