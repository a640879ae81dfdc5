import Foundation
import Tensors

/// A directory of Tests/Golden/decoders, written by decoders.py: a published checkpoint and what it gives.
struct GoldenDecoderModel: Decodable {
    struct Packed: Decodable {
        let shape: [Int]
        let float32: Data

        var tensor: Tensor {
            let values = float32.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            return Tensor(values, shape: shape)
        }
    }

    let sequences: [[Int32]]
    let hiddenStates: [Packed]
    let logits: Packed
    let seed: Packed
    let gradients: [String: Packed]

    enum CodingKeys: String, CodingKey {
        case sequences, logits, seed, gradients
        case hiddenStates = "hidden_states"
    }

    static let names = [
        "gpt2", "gpt2-gelu-untied", "llama", "llama-biases-linear", "llama3-scaling", "llama-yarn", "qwen2",
        "llama-blocks",
    ]

    static func url(_ name: String) -> URL {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/decoders/\(name)", isDirectory: true)
    }

    static func read(_ name: String) throws -> GoldenDecoderModel {
        try JSONDecoder().decode(
            GoldenDecoderModel.self, from: Data(contentsOf: url(name).appendingPathComponent("expected.json")))
    }
}
