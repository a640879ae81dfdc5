import Compression
import Files
import Foundation
import Layers
import Models
import Tensors
import Testing

/// Tokens with grids of their own, learned steps, weights of 7 bits, smoothing, and parts that stay float.
@Suite("Forms of quantization")
struct QuantizationFormsTests {
    private let batch = QuantizationFixture.batch(QuantizationFixture.sequences(40, seed: 9))

    private func kept(_ names: String..., in encoder: Encoder) throws -> QuantizationScheme {
        try QuantizationScheme(QuantizationFixture.ranges(of: encoder), of: encoder)
            .keeping(QuantizationGroup.named(names, of: encoder.configuration))
    }

    /// Every form, each on the same model.
    private func schemes(of encoder: Encoder) throws -> [QuantizationScheme] {
        var narrow = try QuantizationScheme(QuantizationFixture.ranges(of: encoder), of: encoder)
        narrow.weightBits = 7
        var smooth = QuantizationScheme.perToken
        smooth.inputFactors = try Smoothing.apply(
            to: encoder, alpha: 0.5, on: QuantizationFixture.sequences(40, seed: 3))
        return [
            .perToken, narrow, smooth, try kept("embeddings", "layer.0.attention.self", "pooler", in: encoder),
            QuantizationScheme.perToken.keeping(
                try QuantizationGroup.named(["layer.1.output"], of: encoder.configuration)),
        ]
    }

    @Test("the integer runtime computes what the simulation computes, in every form and from the file")
    func agreement() throws {
        let encoder = QuantizationFixture.encoder()
        for scheme in try schemes(of: encoder) {
            QuantizationSimulation.attach(to: encoder, scheme)
            let simulated = encoder.logits(batch)
            QuantizationSimulation.detach(from: encoder)
            let quantized = try QuantizedEncoder(encoder, scheme)
            #expect(agree(IntegerRuntime(quantized, attention: .float32).logits(batch), simulated))
            #expect(largestDifference(simulated, encoder.logits(batch)) > 1e-4)
            try QuantizationFixture.withDirectory { directory in
                try quantized.write(to: directory)
                #expect(try QuantizedEncoder(reading: directory) == quantized)
            }
        }
    }

    @Test("a token's grid does not depend on the texts around it")
    func perToken() throws {
        let runtime = IntegerRuntime(try QuantizedEncoder(QuantizationFixture.encoder(), .perToken))
        let sequences = QuantizationFixture.sequences(30)
        let together = runtime.logits(QuantizationFixture.batch(sequences)).values
        let alone = sequences.flatMap { runtime.logits(QuantizationFixture.batch([$0])).values }
        #expect(zip(together, alone).allSatisfy { abs($0 - $1) < 1e-5 })
    }

    @Test("weights of 7 bits stay within 63 levels of zero and use them all")
    func reducedRange() throws {
        let encoder = QuantizationFixture.encoder()
        var scheme = QuantizationScheme.perToken
        scheme.weightBits = 7
        let model = try QuantizedEncoder(encoder, scheme)
        let matrices = [model.wordEmbeddings.rows.int8, model.layers[0].output.int8, model.pooler?.int8]
        for matrix in matrices {
            let levels = try #require(matrix).levels
            #expect(levels.max() == 63 || levels.min() == -63)
            #expect(levels.allSatisfy { abs(Int($0)) <= 63 })
        }
    }

    @Test("parts that are kept are the float model's own, by name; a wrong name gets the nearest one")
    func keptFloat() throws {
        let encoder = QuantizationFixture.encoder()
        let model = try QuantizedEncoder(encoder, kept("layer.1.intermediate", "embeddings", in: encoder))
        #expect(model.layers[1].intermediate.form == .float(encoder.layers[1].intermediate.weight.value.values))
        #expect(model.keptFloat.last == "bert.encoder.layer.1.intermediate.dense")
        #expect(model.keptFloat.count == 4)
        #expect(model.layers[0].intermediate.int8 != nil)
        let errors = try #require(throws: InputErrors.self) {
            try QuantizationGroup.named(["layer.1.outputs", "layer.7.output"], of: encoder.configuration)
        }
        #expect(errors.errors.count == 2)
        #expect(errors.errors[0].remedy == "did you mean 'layer.1.output'?")
    }

    @Test("a kept part that the model does not have is refused in the file")
    func strangeNames() throws {
        let encoder = QuantizationFixture.encoder()
        try QuantizationFixture.withDirectory { directory in
            try QuantizedEncoder(encoder, kept("pooler", in: encoder)).write(to: directory)
            let url = directory.appendingPathComponent("config.json")
            let text = try String(contentsOf: url, encoding: .utf8)
            try text.replacing("bert.pooler.dense", with: "bert.pooler.danse")
                .write(to: url, atomically: true, encoding: .utf8)
            let errors = try #require(throws: InputErrors.self) { try QuantizedEncoder(reading: directory) }
            #expect(errors.description.contains("no part 'bert.pooler.danse'"))
        }
    }

    @Test(
        "smoothing leaves the float model's outputs as they were",
        arguments: [Activation.gelu, .relu], [0, 0.5, 1] as [Float])
    func smoothing(activation: Activation, alpha: Float) throws {
        let encoder = QuantizationFixture.encoder { $0.activation = activation }
        let before = encoder.logits(batch)
        let (value, inner) = (encoder.layers[0].value.weight, encoder.layers[0].intermediate.weight)
        let (values, inners) = (value.value.values, inner.value.values)
        let factors = try Smoothing.apply(to: encoder, alpha: alpha, on: QuantizationFixture.sequences(40, seed: 3))
        #expect(largestDifference(encoder.logits(batch), before) < 1e-5 * max(1, largestMagnitude(before)))
        #expect(value.value.values != values)
        #expect((inner.value.values != inners) == (activation == .relu))
        // Behind norms: query, key, value and the first feed-forward layer, and what no ReLU lets through.
        #expect(factors.count == 2 * 4 + 1 + (activation == .relu ? 0 : 2))
        for layer in [encoder.layers[1].query, encoder.layers[0].intermediate] {
            let own = try #require(factors[layer.name])
            let x = encoder.forward(batch, on: Tape(recording: false)).hiddenStates[1]
            let tape = Tape(recording: false)
            let plain = tape.linear(x, weight: Variable(constant: layer.weight.value), bias: nil).value
            let smoothed = tape.linear(
                tape.scaleColumns(x, by: own),
                weight: Variable(constant: layer.weight.value.scalingColumns(by: own.map { 1 / $0 })), bias: nil
            ).value
            #expect(largestDifference(plain, smoothed) < 1e-5 * largestMagnitude(plain))
            #expect(Set(own).count > 5)
        }
    }

    @Test("smoothing brings an outlier's column closer to the others")
    func outlier() throws {
        let encoder = QuantizationFixture.encoder()
        let gamma = encoder.embeddingNorm.parameters[0]
        gamma.value = Tensor(gamma.value.values.enumerated().map { $0 == 5 ? $1 * 100 : $1 }, shape: gamma.value.shape)
        let sequences = QuantizationFixture.sequences(40, seed: 3)
        func error(_ scheme: QuantizationScheme, _ float: Tensor) -> Float {
            QuantizationSimulation.attach(
                to: encoder,
                scheme.keeping(
                    QuantizationGroup.all(of: encoder.configuration).filter {
                        $0.name != "layer.0.attention.self"
                    }))
            defer { QuantizationSimulation.detach(from: encoder) }
            return zip(encoder.logits(batch).values, float.values).reduce(0) { $0 + abs($1.0 - $1.1) }
        }
        let float = encoder.logits(batch)
        let plain = error(.perToken, float)
        var scheme = QuantizationScheme.perToken
        scheme.inputFactors = try Smoothing.apply(to: encoder, alpha: 0.5, on: sequences)
        #expect(error(scheme, float) < 0.7 * plain)
    }

    @Test("training moves weights and steps, and what it leaves is what the integer runtime computes")
    func learnedSteps() throws {
        for perToken in [false, true] {
            let encoder = QuantizationFixture.encoder()
            let scheme =
                perToken
                ? .perToken : try QuantizationScheme(QuantizationFixture.ranges(of: encoder), of: encoder)
            let steps = LearnedSteps(attachingTo: encoder, scheme)
            #expect(steps.parameters.count == 13 + (perToken ? 0 : 9))
            let untrained = encoder.logits(batch)
            let optimizer = AdamW(parameters: encoder.parameters + steps.parameters, weightDecay: 0)
            var norms: [Double] = []
            for _ in 0..<15 {
                let tape = Tape()
                let logits = encoder.forward(batch, on: tape).logits
                tape.backward(from: logits, seed: logits.value)
                norms.append(logits.value.sumOfSquares)
                optimizer.update(learningRate: 1e-3)
            }
            #expect(norms[14] < 0.8 * norms[0])
            #expect(steps.parameters.allSatisfy { $0.value.values.contains { $0 != 1 } })
            let simulated = encoder.logits(batch)
            QuantizationSimulation.detach(from: encoder)
            let quantized = try QuantizedEncoder(encoder, steps.learned)
            #expect(agree(IntegerRuntime(quantized, attention: .float32).logits(batch), simulated))
            #expect(largestDifference(simulated, untrained) > 1e-3)
            if !perToken { #expect(quantized.layers[0].key.input == quantized.layers[0].query.input) }
        }
    }
}
