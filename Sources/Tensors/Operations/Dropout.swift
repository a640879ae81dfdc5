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
    let x: GradientSlot
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

    /// nil where nothing is dropped: without keys, or with probability 0.
    ///
    /// - Parameter rows: the rows that will be masked, each with a key.
    init?(keys: DropoutKeys?, salt: UInt64, probability: Float, rows: Int) {
        precondition((0..<1).contains(probability), "dropout: probability \(probability) is not in 0..<1")
        guard let keys, probability > 0 else { return nil }
        precondition(keys.rows.count == rows, "dropout: \(keys.rows.count) keys for \(rows) rows")
        self.keys = keys
        self.salt = salt
        self.probability = probability
    }

    private var threshold: UInt32 { UInt32(Double(probability) * 4_294_967_296) }
    private var scale: Float { 1 / (1 - probability) }

    /// The mask under another salt, for instance that of one head.
    func salted(_ part: Int) -> UInt64 { RandomKey(salt).mixed(part).value }

    /// Masks some rows; x and y point to the first of them. x may be y.
    func apply(
        to x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, rows: Range<Int>, width: Int,
        salt: UInt64? = nil
    ) {
        keys.rows.withUnsafeBufferPointer { keys in
            kernels.dropout(
                x, y, keys.baseAddress! + rows.lowerBound, salt ?? self.salt, rows.count, width, threshold, scale)
        }
    }

    func apply(to x: Tensor) -> Tensor {
        var y = Tensor(uninitialized: x.shape)
        let (width, destination) = (x.width, y.mutablePointer)
        Threads.forEachChunk(of: x.rows, grain: max(1, (1 << 15) / max(width, 1))) { range in
            let start = range.lowerBound * width
            apply(to: x.pointer + start, into: destination + start, rows: range, width: width)
        }
        return y
    }
}

extension Tape {
    /// Zeroes each element of x: [N, C] with the given probability and scales the rest by 1/(1 − p).
    ///
    /// - Parameter salt: tells apart the places of a model that use dropout.
    public func dropout(_ x: Variable, probability: Float, keys: DropoutKeys?, salt: UInt64) -> Variable {
        guard let mask = DropoutMask(keys: keys, salt: salt, probability: probability, rows: x.value.rows) else {
            return x
        }
        return record(mask.apply(to: x.value), from: x) { Dropout(x: x.slot, mask: mask) }
    }
}
