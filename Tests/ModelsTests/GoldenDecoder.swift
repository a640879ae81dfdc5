import Foundation
import Layers
import Models
import Tensors

/// The content of Tests/Golden/decoder.json, written by decoder.py.
struct GoldenDecoder: Decodable {
    let sequences: [[Int32]]
    let weights: [String: GoldenEncoder.Packed]
    /// The final hidden states of all sequences: [N, C].
    let hiddenStates: GoldenEncoder.Packed
    /// ∂L/∂(hidden states): [N, C].
    let seed: GoldenEncoder.Packed
    let gradients: [String: GoldenEncoder.Packed]

    static func read() throws -> GoldenDecoder {
        let url = GoldenEncoder.url.deletingLastPathComponent().appendingPathComponent("decoder.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(GoldenDecoder.self, from: Data(contentsOf: url))
    }

    /// The reference's model: its shape, its weights.
    func decoder(dropout: Float = 0) throws -> Decoder {
        let decoder = Decoder(
            unfilled: DecoderConfiguration(
                vocabularySize: 23, hiddenSize: 16, layers: 2, heads: 4, feedForward: 64, maximumPositions: 12,
                dropout: dropout))
        for parameter in decoder.parameters {
            guard let stored = weights[parameter.name] else { throw CocoaError(.keyValueValidation) }
            parameter.value = stored.tensor
        }
        return decoder
    }
}
