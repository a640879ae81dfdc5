import Foundation
import Layers
import Models
import Tensors

/// The content of Tests/Golden/training.json, written by training.py.
struct GoldenTraining: Decodable {
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

    struct Losses: Decodable {
        struct Divergence: Decodable {
            let temperature: Double
            let value: Float
            let gradient: Packed
        }
        let logits: Packed
        /// The teacher's, at T = 1, some of them exactly zero.
        let probabilities: Packed
        let labels: [Int]
        let studentHidden: Packed
        let teacherHidden: Packed
        let crossEntropy: Float
        let features: Float
        let kl: [Divergence]
    }

    struct Step: Decodable {
        let loss: Float
        let crossEntropy: Float
        let kl: Float
        let features: Float
        let gradientNorm: Float
        let learningRate: Float
    }

    struct Options: Decodable {
        let peak: Float
        let warmUp: Double
        let weightDecay: Float
        let clip: Float
        let crossEntropy: Float
        let kl: Float
        let features: Float
        let temperature: Double
    }

    struct Training: Decodable {
        let weights: [String: Packed]
        let sequences: [[Int32]]
        let labels: [Int]
        let probabilities: Packed
        /// The teacher's hidden states, one tensor per pair: [N, d_t].
        let hiddenStates: [Packed]
        /// Student layer, teacher layer, the teacher's width there.
        let pairs: [[Int]]
        let options: Options
        let steps: [Step]
    }

    let losses: Losses
    let training: Training

    private static var url: URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/training.json")
    }

    static func read() throws -> GoldenTraining {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(GoldenTraining.self, from: Data(contentsOf: url))
    }

    /// The reference's config.json, cut out of the golden file, read as ours.
    static func configuration() throws -> EncoderConfiguration {
        let golden = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: [String: Any]]
        guard let configuration = golden?["training"]?["configuration"] else {
            throw CocoaError(.fileReadCorruptFile)
        }
        return try withDirectory { directory in
            let file = directory.appendingPathComponent("config.json")
            try JSONSerialization.data(withJSONObject: configuration).write(to: file)
            return try EncoderConfiguration(reading: file)
        }
    }
}

extension GoldenTraining.Training {
    /// Gives parameters the reference's first values.
    func fill(_ parameters: [Parameter]) throws {
        for parameter in parameters {
            guard let stored = weights[parameter.name]?.tensor, stored.shape == parameter.value.shape else {
                throw CocoaError(.keyValueValidation)
            }
            parameter.value = stored
        }
    }
}
