import Compression
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

@Suite("Quantization-aware training")
struct QuantizationAwareTrainingTests {
    private let sequences = QuantizationFixture.sequences(24)

    /// Cross-entropy with label `example % 3`, and its gradient by the logits: softmax − one-hot.
    private func crossEntropy(_ logits: Tensor) -> (loss: Float, gradient: Tensor) {
        let width = logits.width
        var loss: Float = 0
        var gradient: [Float] = []
        for row in 0..<logits.rows {
            let z = logits.values[row * width..<(row + 1) * width].map { $0 }
            let sum = z.map { exp($0 - z.max()!) }.reduce(0, +)
            let p = z.map { exp($0 - z.max()!) / sum }
            loss -= log(p[row % width]) / Float(logits.rows)
            gradient += p.enumerated().map { ($1 - ($0 == row % width ? 1 : 0)) / Float(logits.rows) }
        }
        return (loss, Tensor(gradient, shape: logits.shape))
    }

    private func train(_ encoder: Encoder, steps: Int) -> [Float] {
        let optimizer = AdamW(parameters: encoder.parameters, weightDecay: 0)
        return (0..<steps).map { _ in
            let tape = Tape()
            let logits = encoder.forward(QuantizationFixture.batch(sequences), on: tape).logits
            let (loss, gradient) = crossEntropy(logits.value)
            tape.backward(from: logits, seed: gradient)
            optimizer.update(learningRate: 1e-3)
            return loss
        }
    }

    @Test("training through the rounding lowers the rounded model's loss")
    func training() throws {
        let encoder = QuantizationFixture.encoder()
        try QuantizationSimulation.attach(to: encoder, ranges: QuantizationFixture.ranges(of: encoder))
        let losses = train(encoder, steps: 20)
        #expect(losses[19] < 0.7 * losses[0])
    }

    @Test("after training, the integer runtime computes what the simulation computes")
    func conversion() throws {
        for pooling in [EncoderConfiguration.Pooling.first, .mean] {
            let encoder = QuantizationFixture.encoder(pooling: pooling)
            let ranges = try QuantizationFixture.ranges(of: encoder)
            let untrained = try QuantizedEncoder(encoder, ranges: ranges)
            try QuantizationSimulation.attach(to: encoder, ranges: ranges)
            _ = train(encoder, steps: 10)
            let batch = QuantizationFixture.batch(QuantizationFixture.sequences(30, seed: 11))
            let simulated = encoder.logits(batch)
            let quantized = try QuantizedEncoder(encoder, ranges: ranges)
            let integer = IntegerRuntime(quantized, attention: .float32).logits(batch)
            #expect(agree(integer, simulated))
            // The scales of the weights followed the training.
            #expect(quantized.pooler?.int8?.scales != untrained.pooler?.int8?.scales)
            #expect(quantized.pooler?.input == untrained.pooler?.input)
            QuantizationSimulation.detach(from: encoder)
            #expect(largestDifference(encoder.logits(batch), simulated) > 1e-4)
        }
    }

    @Test("a clipped input passes no gradient to the layers below")
    func clippedGradient() throws {
        let encoder = QuantizationFixture.encoder()
        var ranges = try QuantizationFixture.ranges(of: encoder).ranges
        // Nearly every pooler input lies outside of this range.
        ranges["bert.pooler.dense"] = -1e-6...1e-6
        try QuantizationSimulation.attach(to: encoder, ranges: ActivationRanges(ranges))
        let tape = Tape()
        let output = encoder.forward(QuantizationFixture.batch(sequences), on: tape)
        tape.watch(output.hiddenStates[2])
        tape.backward(from: output.logits)
        let gradient = try #require(tape.gradient(of: output.hiddenStates[2]))
        #expect(gradient.sumOfSquares == 0)
        #expect(try #require(encoder.pooler?.bias).gradient.value.sumOfSquares > 0)
    }

    @Test("detaching gives the float model back")
    func detaching() throws {
        let encoder = QuantizationFixture.encoder()
        let batch = QuantizationFixture.batch(sequences)
        let before = encoder.logits(batch)
        try QuantizationSimulation.attach(to: encoder, ranges: QuantizationFixture.ranges(of: encoder))
        #expect(encoder.logits(batch).values != before.values)
        QuantizationSimulation.detach(from: encoder)
        #expect(encoder.logits(batch).values == before.values)
    }

    @Test("a missing range attaches nothing")
    func missingRange() throws {
        let encoder = QuantizationFixture.encoder()
        var ranges = try QuantizationFixture.ranges(of: encoder).ranges
        ranges["bert.pooler.dense"] = nil
        let error = #expect(throws: InputError.self) {
            try QuantizationSimulation.attach(to: encoder, ranges: ActivationRanges(ranges))
        }
        #expect(error?.field == "bert.pooler.dense")
        #expect(encoder.linearLayers.allSatisfy { $0.quantization == nil })
        #expect(encoder.wordEmbeddings.quantization == nil)
    }

    @Test("weights that are not finite are refused by name")
    func nonFiniteWeights() throws {
        let encoder = QuantizationFixture.encoder()
        let ranges = try QuantizationFixture.ranges(of: encoder)
        let weight = encoder.layers[0].output.weight
        weight.value = Tensor(repeating: .infinity, shape: weight.value.shape)
        let error = #expect(throws: InputError.self) { try QuantizedEncoder(encoder, ranges: ranges) }
        #expect(error?.field == weight.name)
    }
}
