import Distillation
import Foundation
import Layers
import Models
import Tensors

/// A small encoder whose logits differ between examples, and examples for it.
enum SmallModel {
    static let classes = ["no", "maybe", "yes"]
    static let vocabulary = 40
    static let positions = 12

    static func encoder(
        width: Int = 16, layers: Int = 2, heads: Int = 2, dropout: Float = 0, seed: UInt64 = 1
    ) -> Encoder {
        let configuration = EncoderConfiguration(
            vocabularySize: vocabulary, hiddenSize: width, layers: layers, heads: heads, feedForward: 24,
            maximumPositions: positions, dropout: dropout, pooling: .first, labels: classes)
        let encoder = Encoder(configuration, key: RandomKey(seed))
        // Ten times the usual deviation: with the usual one all logits are nearly equal, whatever goes wrong.
        for parameter in encoder.parameters where parameter.decays {
            parameter.value = Tensor(parameter.value.values.map { 10 * $0 }, shape: parameter.value.shape)
        }
        return encoder
    }

    /// Sequences of 1 to 12 tokens, all distinct.
    static func examples(_ count: Int, seed: UInt64 = 3) -> LabelledSequences {
        let sequences = (0..<count).map { example in
            let key = RandomKey(seed).mixed(example)
            return (0..<1 + Int(key.bits(0) % UInt64(positions))).map { position in
                position == 0 ? Int32(example % vocabulary) : Int32(key.bits(position) % UInt64(vocabulary))
            }
        }
        return LabelledSequences(sequences: sequences, labels: sequences.map { Int($0[0]) % classes.count })
    }

    static func logits(_ encoder: Encoder, _ sequences: [[Int32]]) -> [Float] {
        let batch = PackedBatch(sequences, samples: Array(sequences.indices))
        return encoder.forward(batch, on: Tape(recording: false)).logits.value.values
    }

    static func weights(_ module: some Module) -> [[Float]] {
        module.parameters.map(\.value.values)
    }
}

/// What a teacher says to each row, computed anew for every question.
struct LiveTeacher: TeacherTargets {
    let teacher: Encoder

    private func output(_ sequences: [[Int32]]) -> Encoder.Output {
        teacher.forward(
            PackedBatch(sequences, samples: Array(sequences.indices)), on: Tape(recording: false),
            attentionLayers: Set(1...teacher.configuration.layers))
    }

    func logProbabilities(for sequences: [[Int32]]) throws -> Tensor {
        let logits = output(sequences).logits.value
        return Tensor(
            logSoftmax(logits.values.map(Double.init), width: logits.width).map { Float($0) }, shape: logits.shape)
    }

    func hiddenStates(layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        output(sequences).hiddenStates[layer].value
    }

    func width(layer: Int) throws -> Int {
        teacher.configuration.hiddenSize
    }

    func attentionStates(_ part: AttentionPart, layer: Int, for sequences: [[Int32]]) throws -> Tensor {
        output(sequences).attentionStates[layer]![part]!.value
    }

    func heads(layer: Int) throws -> Int {
        teacher.configuration.heads[layer - 1]
    }
}

/// log softmax(z / T) per row, as the textbook writes it.
func logSoftmax(_ logits: [Double], width: Int, temperature: Double = 1) -> [Double] {
    stride(from: 0, to: logits.count, by: width).flatMap { start in
        let u = logits[start..<start + width].map { $0 / temperature }
        let highest = u.reduce(-Double.infinity, max)
        let sum = log(u.reduce(0) { $0 + exp($1 - highest) }) + highest
        return u.map { $0 - sum }
    }
}

func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    return zip(a, b).reduce(0) { $1.0.isNaN || $1.1.isNaN ? .infinity : max($0, abs($1.0 - $1.1)) }
}

func largestDifference(_ a: Tensor, _ b: Tensor) -> Float {
    a.shape == b.shape ? largestDifference(a.values, b.values) : .infinity
}

func largestMagnitude(_ a: [Float]) -> Float {
    a.reduce(0) { max($0, abs($1)) }
}

/// Runs `body` with a directory that is removed afterwards.
func withDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("retort-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url)
}
