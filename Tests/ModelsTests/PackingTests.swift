import Layers
import Models
import Tensors
import Testing

@Suite("Packed batches")
struct PackingTests {
    private let sequences: [[Int32]] = [[5, 7, 9], [3], [11, 2, 2, 8, 40, 1, 6], [9, 9], [30, 31, 32, 33, 34]]

    private func encoder(_ pooling: EncoderConfiguration.Pooling, dropout: Float = 0.2) -> Encoder {
        let configuration = EncoderConfiguration(
            vocabularySize: 50, hiddenSize: 24, layers: 2, heads: 3, feedForward: 40, maximumPositions: 8,
            dropout: dropout,
            pooling: pooling, labels: ["a", "b", "c"])
        let encoder = Encoder(configuration, key: RandomKey(4))
        // Ten times the usual deviation: with the usual one all logits are nearly equal, whatever goes wrong.
        for parameter in encoder.parameters where parameter.decays {
            parameter.value = Tensor(parameter.value.values.map { 10 * $0 }, shape: parameter.value.shape)
        }
        return encoder
    }

    private func logits(_ encoder: Encoder, _ examples: [Int], dropout: RandomKey? = nil) -> [[Float]] {
        let batch = PackedBatch(examples.map { sequences[$0] }, samples: examples)
        let values = encoder.forward(batch, on: Tape(recording: false), dropout: dropout).logits.value.values
        return examples.indices.map { Array(values[3 * $0..<3 * $0 + 3]) }
    }

    private func isClose(_ a: [Float], _ b: [Float]) -> Bool {
        zip(a, b).allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($1)) }
    }

    @Test(
        "give an example the same logits alone, among others and in another order",
        arguments: [EncoderConfiguration.Pooling.first, .mean], [nil, RandomKey(9)])
    func independence(_ pooling: EncoderConfiguration.Pooling, dropout: RandomKey?) {
        let encoder = encoder(pooling)
        let all = logits(encoder, [0, 1, 2, 3, 4], dropout: dropout)
        #expect(!isClose(all[0], all[2]), "examples must differ for this to mean something")
        let order = [3, 0, 4, 2, 1]
        for (place, values) in logits(encoder, order, dropout: dropout).enumerated() {
            #expect(isClose(values, all[order[place]]), "example \(order[place]) in another order")
        }
        for example in sequences.indices {
            #expect(isClose(logits(encoder, [example], dropout: dropout)[0], all[example]), "example \(example) alone")
        }
    }

    @Test("use dropout only with a key, and another mask with another key")
    func dropout() {
        let encoder = encoder(.first)
        let plain = logits(encoder, [2])[0]
        let first = logits(encoder, [2], dropout: RandomKey(1))[0]
        #expect(!isClose(first, plain))
        #expect(plain == logits(self.encoder(.first, dropout: 0), [2], dropout: RandomKey(1))[0])
        #expect(!isClose(first, logits(encoder, [2], dropout: RandomKey(2))[0]))
        #expect(first == logits(encoder, [2], dropout: RandomKey(1))[0])
    }

    @Test("are cut into passes without changing the order of the logits")
    func passes() throws {
        let encoder = encoder(.mean)
        let whole = try encoder.logits(of: sequences)
        let parts = try encoder.logits(of: sequences, batch: 2)
        #expect(whole.count == 15)
        #expect(isClose(parts, whole))
        #expect(try encoder.logits(of: []).isEmpty)
    }

    @Test("count positions from zero in each sequence")
    func positions() {
        let batch = PackedBatch([[4, 4, 4], [4], [4, 4]], samples: [0, 1, 2])
        #expect(batch.positions == [0, 1, 2, 0, 0, 1])
        #expect(batch.offsets.values == [0, 3, 4, 6])
    }
}
