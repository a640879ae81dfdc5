import Compression
import Layers
import Models
import Tensors
import Testing

@Suite("Cost of a model")
struct ModelCostTests {
    @Test("Operations are two per product of the layers' matrices and of positions with each other")
    func encoder() {
        let model = PruningModel.encoder()
        let length = 10
        for pooling in [EncoderConfiguration.Pooling.mean, .first] {
            var expected = 0
            for layer in model.layers {
                // Only first positions leave the last layer where the head reads no others.
                let rows = pooling == .first && layer.index == model.layers.count - 1 ? 1 : length
                for linear in [layer.key, layer.value] { expected += 2 * length * linear.weight.value.count }
                for linear in [layer.query, layer.attentionOutput, layer.intermediate, layer.output] {
                    expected += 2 * rows * linear.weight.value.count
                }
                // Q · Kᵀ and P · V for each head of width 4.
                expected += 2 * 2 * rows * length * 4 * layer.heads
            }
            expected += 2 * (16 * 16 + 16 * 3)
            var configuration = model.configuration
            configuration.pooling = pooling
            #expect(configuration.operations(length: length) == expected)
        }
    }

    @Test("A decoder's count its groups, its gate and the vocabulary")
    func decoder() {
        let model = DecoderPruningTests.shapes[1].decoder
        var expected = 0
        for layer in model.layers {
            let parts = [layer.query, layer.key, layer.value, layer.attentionOutput, layer.feedForward.gate]
            for linear in parts.compactMap({ $0 }) + [layer.feedForward.up, layer.feedForward.down] {
                expected += 2 * 7 * linear.weight.value.count
            }
            // 1 + 2 + … + 7 pairs of positions, twice, for each of 6 heads of width 4.
            expected += 2 * 2 * 28 * 24
        }
        expected += 2 * 7 * 24 * 30
        #expect(model.configuration.operations(length: 7) == expected)
    }

    @Test("Fewer words leave the output of texts without the others as it was")
    func vocabulary() throws {
        let model = PruningModel.encoder()
        let kept = (0..<40).map(Int32.init).filter { $0 % 3 != 1 }
        let smaller = try model.keeping(tokens: kept)
        #expect(smaller.configuration.vocabularySize == kept.count)
        #expect(smaller.parameterCount == smaller.configuration.parameterCount)
        let texts = [[0, 2, 5, 39], [3, 3, 38]] as [[Int32]]
        let renamed = texts.map { $0.map { Int32(kept.firstIndex(of: $0)!) } }
        let wanted = model.logits(PackedBatch(texts, samples: [0, 1]))
        #expect(smaller.logits(PackedBatch(renamed, samples: [0, 1])).values == wanted.values)
        for wrong in [[], [40], [-1]] as [[Int32]] {
            #expect(throws: (any Error).self) { try model.keeping(tokens: wrong) }
        }
        let masked = QuantizationFixture.encoder { ($0.head, $0.labels) = (.maskedLanguageModel, []) }
        let fewer = try masked.keeping(tokens: [4, 9, 11])
        let all = masked.logits(PackedBatch([[9, 4]], samples: [0])).values
        let some = fewer.logits(PackedBatch([[1, 0]], samples: [0])).values
        for row in 0..<2 {
            for (place, token) in [4, 9, 11].enumerated() {
                #expect(abs(some[row * 3 + place] - all[row * 50 + token]) < 1e-4)
            }
        }
    }
}
