import Files
import Layers
public import Tensors

/// Anything that turns token sequences into class logits: a float encoder or an integer one.
public protocol Classifier: AnyObject {
    var configuration: EncoderConfiguration { get }
    var parameterCount: Int { get }
    /// Logits of each sequence, in evaluation mode: [B, classes].
    func logits(_ batch: PackedBatch) throws -> Tensor
}

extension Classifier {
    /// Logits of many sequences in their order, row-major: count × classes.
    ///
    /// - Parameter batch: sequences per pass.
    /// - Throws: `InputError` if a logit is not finite.
    public func logits(of sequences: [[Int32]], batch: Int = 64) throws -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(sequences.count * configuration.labels.count)
        for start in stride(from: 0, to: sequences.count, by: batch) {
            let range = start..<min(start + batch, sequences.count)
            let values = try logits(PackedBatch(Array(sequences[range]), samples: Array(range)))
            guard values.isFinite else {
                throw InputError(
                    problem: "the model gives logits that are NaN or infinite",
                    remedy: "its weights have diverged or its file is damaged: train or export it again")
            }
            result += values.values
        }
        return result
    }
}

extension Encoder: Classifier {
    public func logits(_ batch: PackedBatch) -> Tensor {
        logits(batch, precision: .float32)
    }

    /// Logits with the matrix products in a given precision: [B, classes].
    public func logits(_ batch: PackedBatch, precision: Precision) -> Tensor {
        forward(batch, on: Tape(recording: false, precision: precision)).logits.value
    }
}
