import CKernels

/// The random numbers of one forward pass: a key per packed row, made from (seed, epoch, sample, position), so that
/// the same token gets the same mask whatever batch it is in.
public struct DropoutKeys: Sendable {
    /// One key per row of the packed batch: [N].
    public let rows: [UInt64]

    public init(rows: [UInt64]) {
        self.rows = rows
    }
}

/// y = x ⊙ mask / (1 − p); the mask is not kept but made again in backward.
private struct Dropout: DifferentiableOperation {
    let x: Variable
    let mask: DropoutMask

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        gradients.add(mask.apply(to: gradient), to: x)
    }
}

/// Which elements of a [N, C] tensor are kept: a hash of (row key, salt, column) against a threshold.
struct DropoutMask {
    let keys: DropoutKeys
    let salt: UInt64
    let probability: Float

    var threshold: UInt32 { UInt32(Double(probability) * 4_294_967_296) }
    var scale: Float { 1 / (1 - probability) }

    func apply(to x: Tensor) -> Tensor {
        precondition(x.rows == keys.rows.count, "dropout: \(keys.rows.count) keys for \(x.shape)")
        var y = Tensor(uninitialized: x.shape)
        let (width, destination) = (x.width, y.mutablePointer)
        keys.rows.withUnsafeBufferPointer { keys in
            Threads.forEachChunk(of: x.rows, grain: max(1, (1 << 15) / max(width, 1))) { range in
                let start = range.lowerBound
                kernels.dropout(
                    x.pointer + start * width, destination + start * width, keys.baseAddress! + start, salt,
                    range.count, width, threshold, scale)
            }
        }
        return y
    }
}

extension Tape {
    /// Zeroes each element of x: [N, C] with the given probability and scales the rest by 1/(1 − p).
    ///
    /// - Parameter salt: tells apart the places of a model that use dropout.
    public func dropout(_ x: Variable, probability: Float, keys: DropoutKeys?, salt: UInt64) -> Variable {
        precondition((0..<1).contains(probability), "dropout: probability \(probability) is not in 0..<1")
        guard probability > 0, let keys else { return x }
        let mask = DropoutMask(keys: keys, salt: salt, probability: probability)
        return record(mask.apply(to: x.value), from: x) { Dropout(x: x, mask: mask) }
    }
}
