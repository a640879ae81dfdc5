import Compression
import Foundation
import Layers
import Models
import Tensors

/// A small encoder with uneven layers whose weights are large enough for its logits to differ between texts.
enum QuantizationFixture {
    static let vocabulary = 50
    static let positions = 24

    /// - Parameter change: makes another family or head of it.
    static func encoder(
        pooling: EncoderConfiguration.Pooling = .first, seed: UInt64 = 1,
        change: (inout EncoderConfiguration) -> Void = { _ in }
    ) -> Encoder {
        var configuration = EncoderConfiguration(
            vocabularySize: vocabulary, hiddenSize: 36, layers: 2, heads: 4, feedForward: 50,
            maximumPositions: positions, dropout: 0, pooling: pooling, labels: ["no", "maybe", "yes"])
        configuration.heads = [4, 3]
        configuration.feedForward = [50, 33]
        change(&configuration)
        let encoder = Encoder(configuration, key: RandomKey(seed))
        let key = RandomKey(seed).mixed("fixture")
        for parameter in encoder.parameters {
            let own = key.mixed(parameter.name)
            let values = parameter.value.values.enumerated().map { index, value in
                parameter.decays ? value * 10 : value + Float(own.normal(index)) * 0.1
            }
            parameter.value = Tensor(values, shape: parameter.value.shape)
        }
        return encoder
    }

    /// Sequences of 1 to 24 tokens.
    static func sequences(_ count: Int, seed: UInt64 = 7) -> [[Int32]] {
        (0..<count).map { example in
            let key = RandomKey(seed).mixed(example)
            return (0..<1 + Int(key.bits(0) % UInt64(positions))).map { Int32(key.bits($0 + 1) % UInt64(vocabulary)) }
        }
    }

    static func batch(_ sequences: [[Int32]]) -> PackedBatch {
        PackedBatch(sequences, samples: Array(sequences.indices))
    }

    static func ranges(of encoder: Encoder) throws -> ActivationRanges {
        try ActivationCalibration(method: .minMax).ranges(of: encoder, on: sequences(40, seed: 3))
    }

    static func quantized(pooling: EncoderConfiguration.Pooling = .first) throws -> QuantizedEncoder {
        let encoder = encoder(pooling: pooling)
        return try QuantizedEncoder(encoder, ranges: ranges(of: encoder))
    }

    /// Runs `body` with a directory that is removed afterwards.
    static func withDirectory<R>(_ body: (URL) throws -> R) throws -> R {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("retort-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        return try body(url)
    }
}

/// Whether two ways to compute a quantized model agree on logits [B, classes].
///
/// They round at the same places, but sums in another order may fall on the other side of a half: then one level differs,
/// and with it the logits of that text. So nearly all texts agree to 1e-4, and no text is far off.
func agree(_ a: Tensor, _ b: Tensor) -> Bool {
    let differences = zip(a.values, b.values).map { abs($0 - $1) / largestMagnitude(b) }
    let close = differences.count { $0 < 1e-4 }
    return a.shape == b.shape && close * 20 >= differences.count * 19 && differences.allSatisfy { $0 < 2e-2 }
}

func largestDifference(_ a: Tensor, _ b: Tensor) -> Float {
    zip(a.values, b.values).map { abs($0 - $1) }.max() ?? 0
}

func largestMagnitude(_ a: Tensor) -> Float {
    a.values.map(abs).max() ?? 0
}
