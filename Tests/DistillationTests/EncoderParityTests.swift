import Distillation
import Formats
import Foundation
import Layers
import Models
import Tensors
import Testing
import Tokenizers

/// Published checkpoints of all families and heads, read as they are, against `transformers`.
@Suite("Parity with the encoders of transformers")
struct EncoderParityTests {
    @Test("all twelve are there")
    func count() {
        #expect(GoldenEncoders.names.count == 12)
    }

    @Test("the same hidden states and output", arguments: GoldenEncoders.names)
    func forward(_ name: String) throws {
        let golden = try GoldenEncoders(name)
        let encoder = try ModelDirectory.readEncoder(golden.directory)
        let output = try encoder.forward(golden.batch(), on: Tape(recording: false))
        #expect(output.hiddenStates.count == encoder.configuration.layers + 1)
        for (layer, state) in output.hiddenStates.enumerated() {
            let expected = try #require(try golden.tensor("hidden.\(layer)"))
            #expect(state.shape == expected.shape)
            #expect(largestDifference(state.value.values, expected.values) < 2e-5, "layer \(layer)")
        }
        let expected = try #require(try golden.tensor("output"))
        #expect(output.logits.shape == expected.shape)
        #expect(largestDifference(output.logits.value.values, expected.values) < 2e-5)
    }

    @Test("the same gradient of every weight", arguments: GoldenEncoders.names)
    func backward(_ name: String) throws {
        let golden = try GoldenEncoders(name)
        let encoder = try ModelDirectory.readEncoder(golden.directory)
        let tape = Tape()
        let output = try encoder.forward(golden.batch(), on: tape).logits
        let seed = try golden.tensor("seed")
        #expect(seed?.shape == output.shape)
        tape.backward(from: output, seed: seed)
        let names = EncoderNames(encoder.configuration)
        #expect(Set(golden.gradients.map(names.standard)) == Set(encoder.parameters.map { names.published($0.name) }))
        for stored in golden.gradients {
            let parameter = try #require(
                encoder.parameters.first { names.published($0.name) == names.standard(stored) })
            let expected = try #require(try golden.tensor("gradient.\(stored)")).values
            // A key's bias shifts all scores of a row alike, so that its true gradient is zero.
            let scale = parameter.name.hasSuffix("key.bias") ? 1 : largestMagnitude(expected)
            #expect(scale > 1e-4, "\(stored) is not exercised")
            let difference = largestDifference(parameter.gradient.value.values, expected)
            #expect(difference <= 1e-4 * scale, "\(stored): off by \(difference) of \(scale)")
        }
    }

    @Test("as many weights as the configuration counts", arguments: GoldenEncoders.names)
    func parameterCount(_ name: String) throws {
        let encoder = try ModelDirectory.readEncoder(try GoldenEncoders(name).directory)
        #expect(encoder.configuration.parameterCount == encoder.parameterCount)
    }

    @Test("written again, the same model under the names of its family", arguments: GoldenEncoders.names)
    func roundTrip(_ name: String) throws {
        let golden = try GoldenEncoders(name)
        let encoder = try ModelDirectory.readEncoder(golden.directory)
        let tokenizer = try WordPieceTokenizer(vocabulary: SpecialTokens.names + ["a"])
        try withDirectory { directory in
            try ModelDirectory.write(encoder, tokenizer, to: directory)
            let again = try ModelDirectory.readEncoder(directory)
            #expect(again.configuration == encoder.configuration)
            for (a, b) in zip(again.parameters, encoder.parameters) { #expect(a.value.values == b.value.values) }
            let names = EncoderNames(encoder.configuration)
            let written = try StoredWeights(directory: directory).names
            let read = try StoredWeights(directory: golden.directory).names.map(names.standard)
            #expect(Set(written) == Set(read.filter { !names.isIgnored($0, withFreshHead: false) }))
        }
    }

    @Test(
        "trained with dropout and again without: only the latter repeats the evaluation",
        arguments: GoldenEncoders.names)
    func dropout(_ name: String) throws {
        let golden = try GoldenEncoders(name)
        let encoder = try ModelDirectory.readEncoder(golden.directory)
        func output(_ key: RandomKey?) throws -> [Float] {
            try encoder.forward(golden.batch(), on: Tape(), dropout: key).logits.value.values
        }
        #expect(try output(nil) == output(nil))
        #expect(try output(RandomKey(1)) == output(RandomKey(1)))
        #expect(try output(RandomKey(1)) != output(nil))
        #expect(try output(RandomKey(1)) != output(RandomKey(2)))
    }
}
