import Layers
import Models
import Tensors
import Testing

@Suite("Decoder")
struct DecoderTests {
    let golden: GoldenDecoder
    let decoder: Decoder

    init() throws {
        golden = try GoldenDecoder.read()
        decoder = try golden.decoder()
    }

    /// The final hidden states of each sequence, row-major.
    private func states(
        _ decoder: Decoder, _ sequences: [[Int32]], samples: [Int]? = nil, dropout: RandomKey? = nil
    ) -> [[Float]] {
        let batch = PackedBatch(sequences, samples: samples ?? Array(sequences.indices))
        let hidden = decoder.forward(batch, on: Tape(recording: false), dropout: dropout).hidden.value
        let values = hidden.values
        return (0..<sequences.count).map { index in
            let rows = batch.offsets[index]
            return Array(values[rows.lowerBound * hidden.width..<rows.upperBound * hidden.width])
        }
    }

    @Test("has GPT2LMHeadModel's parameters under their names, query, key and value apart")
    func parameters() {
        #expect(decoder.parameters.count == golden.weights.count)
        #expect(Set(decoder.parameters.map(\.name)) == Set(golden.weights.keys))
        for parameter in decoder.parameters {
            #expect(parameter.value.shape == golden.weights[parameter.name]?.shape, "\(parameter.name)")
            #expect(parameter.decays == (parameter.value.shape.count == 2), "\(parameter.name)")
        }
    }

    @Test("gives the same hidden states as GPT2LMHeadModel")
    func forward() {
        let expected = golden.hiddenStates.tensor
        let found = states(decoder, golden.sequences).flatMap { $0 }
        #expect(largestDifference(found, expected.values) < 2e-5)
    }

    @Test("gives the same gradient of every parameter as GPT2LMHeadModel")
    func backward() {
        let tape = Tape()
        let batch = PackedBatch(golden.sequences, samples: Array(golden.sequences.indices))
        tape.backward(from: decoder.forward(batch, on: tape).hidden, seed: golden.seed.tensor)
        for parameter in decoder.parameters {
            guard let expected = golden.gradients[parameter.name]?.tensor.values else {
                Issue.record("no gradient of \(parameter.name)")
                continue
            }
            let largest = expected.reduce(0) { max($0, abs($1)) }
            // A key's bias shifts all scores of a row alike, so that its true gradient is zero.
            let scale = parameter.name.hasSuffix("key.bias") ? 1 : largest
            #expect(scale > 1e-2, "\(parameter.name) is not exercised")
            let difference = largestDifference(parameter.gradient.value.values, expected)
            #expect(difference <= 1e-4 * scale, "\(parameter.name): off by \(difference) of \(scale)")
        }
    }

    @Test("does not see later tokens")
    func causal() {
        let sequence = golden.sequences[2]
        let plain = states(decoder, [sequence])[0]
        for changed in 1..<sequence.count {
            var other = sequence
            other[changed] = (other[changed] + 1) % 23
            let found = states(decoder, [other])[0]
            let boundary = changed * 16
            #expect(largestDifference(found[..<boundary], plain[..<boundary]) <= 1e-6, "before token \(changed)")
            #expect(largestDifference(found[boundary...], plain[boundary...]) > 1e-2, "from token \(changed) on")
        }
    }

    @Test("gives a sequence the same hidden states alone and among others", arguments: [nil, RandomKey(9)])
    func packing(dropout: RandomKey?) throws {
        let decoder = try golden.decoder(dropout: 0.2)
        let all = states(decoder, golden.sequences, dropout: dropout)
        for (sample, sequence) in golden.sequences.enumerated() {
            let alone = states(decoder, [sequence], samples: [sample], dropout: dropout)[0]
            #expect(largestDifference(alone, all[sample]) <= 1e-5, "sequence \(sample)")
        }
    }

    @Test("uses dropout only with a key, and another mask with another key")
    func dropout() throws {
        let decoder = try golden.decoder(dropout: 0.2)
        let sequences = golden.sequences
        #expect(states(decoder, sequences) == states(self.decoder, sequences, dropout: RandomKey(1)))
        let first = states(decoder, sequences, dropout: RandomKey(1))
        #expect(first == states(decoder, sequences, dropout: RandomKey(1)))
        #expect(first != states(decoder, sequences))
        #expect(first != states(decoder, sequences, dropout: RandomKey(2)))
    }

    @Test("fresh weights are smaller by √(2 · layers) where a block adds to its input")
    func freshWeights() {
        let decoder = Decoder(
            DecoderConfiguration(
                vocabularySize: 9, hiddenSize: 64, layers: 8, heads: 4, feedForward: 256, maximumPositions: 4,
                dropout: 0), key: RandomKey(2))
        func deviation(_ linears: [Linear]) -> Float {
            let values = linears.flatMap(\.weight.value.values)
            return (values.reduce(0) { $0 + $1 * $1 } / Float(values.count)).squareRoot()
        }
        // Of 32,768 weights or more the deviation is known within 0.4 %; five times that are allowed.
        #expect(abs(deviation(decoder.layers.map(\.query)) / 0.02 - 1) < 0.02)
        #expect(abs(deviation(decoder.layers.map(\.attentionOutput)) / 0.005 - 1) < 0.02)
        #expect(abs(deviation(decoder.layers.map(\.feedForward.down)) / 0.005 - 1) < 0.02)
    }

    @Test("may have layers with different numbers of heads and feed-forward sizes")
    func unevenLayers() {
        var configuration = decoder.configuration
        configuration.heads = [1, 3]
        configuration.keyHeads = [1, 3]
        configuration.feedForward = [24, 8]
        let decoder = Decoder(configuration, key: RandomKey(1))
        #expect(decoder.layers[0].query.weight.value.shape == [4, 16])
        #expect(decoder.layers[1].attentionOutput.weight.value.shape == [16, 12])
        #expect(decoder.layers[1].feedForward.up.weight.value.shape == [8, 16])
        #expect(states(decoder, [[1, 2, 3]])[0].count == 3 * 16)
    }
}
