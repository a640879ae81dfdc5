import Foundation
import Tensors

/// The content of Tests/Golden/losses.json, written by losses.py.
struct GoldenLosses: Decodable {
    typealias Packed = GoldenTraining.Packed

    struct Divergence: Decodable {
        let name: String
        let beta: Double?
        let temperature: Double
        let value: Float
        let gradients: [Packed]
    }

    struct Divergences: Decodable {
        let teacher: Packed
        let student: Packed
        let cases: [Divergence]
    }

    struct Cosine: Decodable {
        let teacher: Packed
        let student: Packed
        let value: Float
        let gradients: [Packed]
    }

    struct Attention: Decodable {
        let heads: Int
        /// Queries, keys and values; of the maps queries and keys.
        let teacher: [Packed]
        let student: [Packed]
        let value: Float
        let gradients: [Packed]
    }

    let lengths: [Int]
    let divergences: Divergences
    let cosine: Cosine
    let relations: Attention
    let maps: Attention

    static func read() throws -> GoldenLosses {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/losses.json")
        return try JSONDecoder().decode(GoldenLosses.self, from: Data(contentsOf: url))
    }
}

/// A loss on a fresh tape, and the gradients of its inputs.
func lossAndGradients(
    _ inputs: [Tensor], scale: Float = 1, _ loss: (Tape, [Variable]) -> Variable
) -> (loss: Float, gradients: [[Float]]) {
    let (tape, buffers) = (Tape(), inputs.map { GradientBuffer(shape: $0.shape) })
    let result = loss(tape, zip(inputs, buffers).map { tape.leaf($0, gradient: $1) })
    tape.backward(from: result, seed: Tensor([scale], shape: [1]))
    return (result.value.scalar, buffers.map(\.value.values))
}
