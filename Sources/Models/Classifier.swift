import Files
import Layers
public import Tensors

/// Anything that turns token sequences into what an encoder's head gives: a float encoder or an integer one.
public protocol Classifier: AnyObject {
    var configuration: EncoderConfiguration { get }
    var parameterCount: Int { get }
    /// Class logits, numbers of a regression or an embedding of each sequence, in evaluation mode: [B, labels] or [B, C].
    /// A masked language model gives the logits of every position: [N, V].
    func logits(_ batch: PackedBatch) throws -> Tensor
}

extension Classifier {
    /// What a head for whole texts gives for many sequences in their order, row-major: count × `outputWidth`.
    ///
    /// - Parameter batch: sequences per pass.
    /// - Throws: `InputError` if a sequence is empty, or a logit is not finite.
    public func logits(of sequences: [[Int32]], batch: Int = 64) throws -> [Float] {
        if let empty = sequences.firstIndex(where: \.isEmpty) {
            throw InputError(
                problem: "text \(empty + 1) has no tokens", remedy: "leave it out; this tokenizer adds none of its own")
        }
        var result: [Float] = []
        result.reserveCapacity(sequences.count * configuration.outputWidth)
        for start in stride(from: 0, to: sequences.count, by: batch) {
            let range = start..<min(start + batch, sequences.count)
            result += try finiteLogits(PackedBatch(Array(sequences[range]), samples: Array(range))).values
        }
        return result
    }

    /// As `logits(_:)`.
    ///
    /// - Throws: `InputError` if a number is not finite.
    public func finiteLogits(_ batch: PackedBatch) throws -> Tensor {
        let values = try logits(batch)
        guard values.isFinite else {
            throw InputError(
                problem: "the model gives logits that are NaN or infinite",
                remedy: "its weights have diverged or its file is damaged: train or export it again")
        }
        return values
    }
}

extension Encoder: Classifier {
    public func logits(_ batch: PackedBatch) -> Tensor {
        logits(batch, precision: .float32)
    }

    /// Logits with the matrix products in a given precision: [B, classes].
    public func logits(_ batch: PackedBatch, precision: Precision) -> Tensor {
        forwardLogits(batch, on: Tape(recording: false, precision: precision)).value
    }
}
