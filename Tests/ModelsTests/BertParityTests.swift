import Foundation
import Layers
import Models
import Tensors
import Testing

/// Our packed encoder against `BertForSequenceClassification` with padding and an attention mask.
@Suite("Parity with BertForSequenceClassification")
struct BertParityTests {
    let golden: GoldenEncoder
    let encoder: Encoder

    init() throws {
        golden = try GoldenEncoder.read()
        encoder = try golden.encoder()
    }

    @Test("has the same parameters under the same names")
    func parameters() {
        #expect(Set(encoder.parameters.map(\.name)) == Set(golden.weights.keys))
        #expect(encoder.parameters.map(\.name).count == golden.weights.count)
        #expect(encoder.parameterCount == golden.weights.values.reduce(0) { $0 + $1.tensor.count })
        #expect(encoder.configuration.parameterCount == encoder.parameterCount)
    }

    @Test("gives the same logits and hidden states")
    func forward() {
        let output = encoder.forward(golden.batch, on: Tape(recording: false))
        #expect(largestDifference(output.logits.value, golden.logits.tensor) < 2e-5)
        #expect(output.hiddenStates.count == golden.hiddenStates.count)
        for (layer, expected) in golden.hiddenStates.enumerated() {
            #expect(largestDifference(output.hiddenStates[layer].value, expected.tensor) < 2e-5, "layer \(layer)")
        }
    }

    @Test("gives the same loss and the same gradient of every parameter")
    func backward() {
        let tape = Tape()
        let logits = encoder.forward(golden.batch, on: tape).logits
        // Cross-entropy and its gradient are written out here: the losses belong to a target above this one.
        let (loss, seed) = crossEntropy(logits.value, labels: golden.labels)
        #expect(abs(loss - golden.loss) < 1e-5)
        tape.backward(from: logits, seed: seed)
        for parameter in encoder.parameters {
            guard let expected = golden.gradients[parameter.name]?.tensor else {
                Issue.record("no gradient of \(parameter.name)")
                continue
            }
            let largest = expected.values.reduce(Float(0)) { max($0, abs($1)) }
            // A key's bias shifts all scores of a row alike, so that its true gradient is zero.
            let scale = parameter.name.hasSuffix("key.bias") ? 1 : largest
            #expect(scale > 1e-4, "\(parameter.name) is not exercised")
            let difference = largestDifference(parameter.gradient.value, expected)
            #expect(difference <= 1e-4 * scale, "\(parameter.name): off by \(difference) of \(scale)")
        }
    }

    private func crossEntropy(_ logits: Tensor, labels: [Int]) -> (loss: Double, gradient: Tensor) {
        let (values, width) = (logits.values.map(Double.init), logits.width)
        var gradient: [Float] = []
        var loss = 0.0
        for (row, label) in labels.enumerated() {
            let z = values[row * width..<(row + 1) * width]
            let sum = z.reduce(0) { $0 + exp($1) }
            loss += (log(sum) - z[row * width + label]) / Double(labels.count)
            gradient += z.enumerated().map { index, value in
                Float((exp(value) / sum - (index == label ? 1 : 0)) / Double(labels.count))
            }
        }
        return (loss, Tensor(gradient, shape: logits.shape))
    }
}
