import Foundation
import Layers
import Models
import Tensors

/// The content of Tests/Golden/encoder.json, written by encoder.py.
struct GoldenEncoder: Decodable {
    /// A tensor as base64 of little-endian float32.
    struct Packed: Decodable {
        let shape: [Int]
        let float32: Data

        var tensor: Tensor {
            let values = float32.withUnsafeBytes { bytes in
                (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
            }
            return Tensor(values, shape: shape)
        }
    }

    let sequences: [[Int32]]
    let labels: [Int]
    let weights: [String: Packed]
    let logits: Packed
    let hiddenStates: [Packed]
    let loss: Double
    let gradients: [String: Packed]

    static var url: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/encoder.json")
    }

    static func read() throws -> GoldenEncoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(GoldenEncoder.self, from: Data(contentsOf: url))
    }

    /// The reference's own config.json, cut out of the golden file.
    static func configuration() throws -> Data {
        guard
            let golden = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any],
            let configuration = golden["configuration"]
        else { throw CocoaError(.fileReadCorruptFile) }
        return try JSONSerialization.data(withJSONObject: configuration)
    }

    /// The reference's model: its configuration, its weights.
    func encoder() throws -> Encoder {
        let configuration = try ConfigurationFile.read(Self.configuration())
        let encoder = Encoder(unfilled: configuration)
        for parameter in encoder.parameters {
            guard let stored = weights[parameter.name] else { throw CocoaError(.keyValueValidation) }
            parameter.value = stored.tensor
        }
        return encoder
    }

    var batch: PackedBatch { PackedBatch(sequences, samples: Array(sequences.indices)) }
}

/// Infinite where the shapes differ, or a number is NaN.
func largestDifference(_ a: Tensor, _ b: Tensor) -> Float {
    a.shape == b.shape ? largestDifference(a.values, b.values) : .infinity
}

/// Infinite where the counts differ, or a number is NaN.
func largestDifference(_ a: some Collection<Float>, _ b: some Collection<Float>) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { $1.0.isNaN || $1.1.isNaN ? .infinity : max($0, abs($1.0 - $1.1)) }
}

/// Passes a config.json through a file that is removed afterwards.
enum ConfigurationFile {
    static func read(_ content: Data) throws -> EncoderConfiguration {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("retort-\(UUID().uuidString).json")
        try content.write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        return try EncoderConfiguration(reading: url)
    }
}
