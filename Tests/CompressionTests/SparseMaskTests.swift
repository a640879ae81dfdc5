import Compression
import Files
import Layers
import Models
import Tensors
import Testing

@Suite("Masks of single weights")
struct SparseMaskTests {
    private let data = CalibrationSequences(PruningModel.examples(12)).withoutLabels

    @Test("The share with the smallest magnitudes of each matrix is zero, all else is what it was")
    func magnitude() throws {
        let (model, whole) = (PruningModel.encoder(), PruningModel.encoder())
        let result = try SparseMasks.apply(to: model, .free(0.5), by: .magnitude, calibration: nil)
        let (a, b) = (model.layers[1].query.weight.value.values, whole.layers[1].query.weight.value.values)
        let threshold = b.map(abs).sorted()[b.count / 2]
        #expect(zip(a, b).allSatisfy { abs($1) < threshold ? $0 == 0 : $0 == $1 })
        #expect(result.zeros * 2 == result.weights && result.denseBytes == 4 * result.weights)
        #expect(result.sparseBytes == 2 * result.weights + (result.weights + 7) / 8)
        let blocks = Set(model.layers.flatMap(\.parameters).map(\.name))
        for (parameter, other) in zip(model.parameters, whole.parameters)
        where !blocks.contains(parameter.name) || parameter.value.shape.count == 1 {
            #expect(parameter.value.values == other.value.values, "\(parameter.name)")
        }
    }

    @Test("2:4 keeps the two larger of every four neighbours in a row", arguments: SparseMasks.Score.allCases)
    func twoOfFour(score: SparseMasks.Score) throws {
        let model = PruningModel.encoder()
        let result = try SparseMasks.apply(to: model, .twoOfFour, by: score, calibration: data)
        for layer in model.layers {
            for linear in [layer.query, layer.attentionOutput, layer.intermediate, layer.output] {
                let values = linear.weight.value.values
                for start in stride(from: 0, to: values.count, by: 4) {
                    #expect(values[start..<start + 4].count { $0 == 0 } == 2)
                }
            }
        }
        #expect(result.zeros * 2 == result.weights)
        #expect(model.linearLayers.allSatisfy { $0.quantization == nil })
    }

    @Test("Wanda weighs a weight by its input's norm and compares within a row")
    func wanda() throws {
        let (model, whole) = (PruningModel.encoder(), PruningModel.encoder())
        _ = try SparseMasks.apply(to: model, .free(0.25), by: .wanda, calibration: data)
        // What the second layer's query reads: the hidden states after the first.
        var norms = [Double](repeating: 0, count: 16)
        for tokens in data.sequences {
            let states = whole.forward(PackedBatch([tokens], samples: [0]), on: Tape(recording: false)).hiddenStates[1]
            for (index, value) in states.value.values.enumerated() { norms[index % 16] += Double(value * value) }
        }
        let (a, b) = (model.layers[1].query.weight.value.values, whole.layers[1].query.weight.value.values)
        for row in 0..<12 {
            let columns = 0..<16
            let lowest = columns.sorted {
                Double(abs(b[row * 16 + $0])) * norms[$0].squareRoot()
                    < Double(abs(b[row * 16 + $1])) * norms[$1].squareRoot()
            }.prefix(4)
            for column in columns {
                #expect(a[row * 16 + column] == (lowest.contains(column) ? 0 : b[row * 16 + column]))
            }
        }
        let missing = #expect(throws: InputError.self) {
            try SparseMasks.apply(to: model, .twoOfFour, by: .wanda, calibration: nil)
        }
        #expect(missing?.problem.contains("wanda needs calibration examples") == true)
    }
}
