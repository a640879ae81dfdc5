import CKernels

/// Scaled dot-product attention with several heads over a packed batch (Vaswani et al. 2017, arXiv 1706.03762).
///
/// For each sequence and head: S = Q · Kᵀ / √D, P = softmax(S) per row, D' = dropout(P), Y = D' · V.
/// q, k, v: [N, H · D] → [N, H · D]. Sequences see only themselves, so there is no padding and no mask.
/// With g = ∂L/∂Y: ∂L/∂V = D'ᵀ · g, ∂L/∂D' = g · Vᵀ, ∂L/∂S = P ⊙ (∂L/∂P − Σ_row P ⊙ ∂L/∂P) / √D, ∂L/∂Q = ∂L/∂S · K,
/// ∂L/∂K = ∂L/∂Sᵀ · Q. The probabilities are computed again in backward: only q, k and v are kept.
private struct Attention: DifferentiableOperation {
    let q: Variable
    let k: Variable
    let v: Variable
    let layout: AttentionLayout

    func backward(_ gradient: Tensor, _ gradients: inout Gradients) {
        var dq = Tensor(uninitialized: q.shape)
        var dk = Tensor(uninitialized: k.shape)
        var dv = Tensor(uninitialized: v.shape)
        let (dqs, dks, dvs) = (dq.mutablePointer, dk.mutablePointer, dv.mutablePointer)
        let (width, headSize, scale) = (layout.width, layout.headSize, layout.scale)
        layout.forEachSequence { rows in
            let length = rows.count
            let square = length * length
            var scratch = Tensor(uninitialized: [3, square])
            defer { withExtendedLifetime(scratch) {} }
            let probabilities = scratch.mutablePointer
            let (dropped, dprobabilities) = (probabilities + square, probabilities + 2 * square)
            for head in 0..<layout.heads {
                let start = rows.lowerBound * width + head * headSize
                let qh = MatrixProduct.Operand(pointer: q.value.pointer + start, stride: width)
                let kh = MatrixProduct.Operand(pointer: k.value.pointer + start, stride: width)
                let vh = MatrixProduct.Operand(pointer: v.value.pointer + start, transposed: true, stride: width)
                let gh = MatrixProduct.Operand(pointer: gradient.pointer + start, stride: width)
                layout.probabilities(qh, kh, length: length, into: probabilities)
                var used = UnsafePointer(probabilities)
                if layout.drop(probabilities, into: dropped, rows: rows, head: head) { used = UnsafePointer(dropped) }
                MatrixProduct.multiply(
                    .init(pointer: used, transposed: true, stride: length), gh, into: dvs + start, stride: width,
                    m: length, n: headSize, k: length, parallel: false)
                MatrixProduct.multiply(
                    gh, vh, into: dprobabilities, stride: length, m: length, n: length, k: headSize, parallel: false)
                _ = layout.drop(dprobabilities, into: dprobabilities, rows: rows, head: head)
                kernels.softmax_backward(probabilities, dprobabilities, length, length, scale)
                let ds = MatrixProduct.Operand(pointer: dprobabilities, stride: length)
                MatrixProduct.multiply(
                    ds, kh, into: dqs + start, stride: width, m: length, n: headSize, k: length, parallel: false)
                MatrixProduct.multiply(
                    .init(pointer: ds.pointer, transposed: true, stride: length), qh, into: dks + start, stride: width,
                    m: length, n: headSize, k: length, parallel: false)
            }
        }
        gradients.add(dq, to: q)
        gradients.add(dk, to: k)
        gradients.add(dv, to: v)
    }
}

/// The sizes of one attention call and the steps that forward and backward share.
private struct AttentionLayout {
    let offsets: SequenceOffsets
    let heads: Int
    let width: Int
    let dropout: DropoutMask?

    var headSize: Int { width / heads }
    var scale: Float { 1 / Float(headSize).squareRoot() }

    /// Runs `body` with the rows of each sequence. Sequences are dealt to the threads so that each thread has nearly
    /// the same number of rows; every result row is written by one thread alone.
    func forEachSequence(_ body: (Range<Int>) -> Void) {
        let parts = offsets.rows * width > 1 << 14 ? min(Threads.count, offsets.count) : 1
        Threads.forEach(parts) { part in
            let wanted = Threads.chunk(part, of: offsets.rows, parts: parts)
            for b in 0..<offsets.count where wanted.contains(offsets[b].lowerBound) { body(offsets[b]) }
        }
    }

    /// P = softmax(Q · Kᵀ / √D) of one head: [T, T].
    func probabilities(
        _ q: MatrixProduct.Operand, _ k: MatrixProduct.Operand, length: Int, into p: UnsafeMutablePointer<Float>
    ) {
        MatrixProduct.multiply(
            q, .init(pointer: k.pointer, transposed: true, stride: k.stride), into: p, stride: length, m: length,
            n: length, k: headSize, parallel: false)
        kernels.softmax(p, length, length, scale)
    }

    /// Applies the dropout mask of one head to a [T, T] block. Returns false, having done nothing, without dropout.
    func drop(
        _ source: UnsafePointer<Float>, into destination: UnsafeMutablePointer<Float>, rows: Range<Int>, head: Int
    ) -> Bool {
        guard let dropout else { return false }
        let salt = RandomKey(dropout.salt).mixed(head).value
        dropout.keys.rows.withUnsafeBufferPointer { keys in
            kernels.dropout(
                source, destination, keys.baseAddress! + rows.lowerBound, salt, rows.count, rows.count,
                dropout.threshold, dropout.scale)
        }
        return true
    }
}

extension Tape {
    /// Multi-head attention over a packed batch; q, k, v: [N, H · D] → [N, H · D].
    ///
    /// - Parameters:
    ///   - dropout: probability of dropping an attention weight; used only with `keys`.
    ///   - salt: tells apart the attention layers of a model.
    public func attention(
        q: Variable, k: Variable, v: Variable, heads: Int, offsets: SequenceOffsets, dropout: Float = 0,
        keys: DropoutKeys? = nil, salt: UInt64 = 0
    ) -> Variable {
        precondition(
            q.shape == k.shape && q.shape == v.shape && q.value.rows == offsets.rows && q.value.width % heads == 0,
            "attention: q \(q.shape), k \(k.shape), v \(v.shape), \(heads) heads, \(offsets.rows) positions")
        let mask = keys.flatMap { dropout > 0 ? DropoutMask(keys: $0, salt: salt, probability: dropout) : nil }
        let layout = AttentionLayout(offsets: offsets, heads: heads, width: q.value.width, dropout: mask)
        var y = Tensor(uninitialized: q.shape)
        let destination = y.mutablePointer
        layout.forEachSequence { rows in
            let length = rows.count
            var scratch = Tensor(uninitialized: [length, length])
            defer { withExtendedLifetime(scratch) {} }
            let p = scratch.mutablePointer
            for head in 0..<heads {
                let start = rows.lowerBound * layout.width + head * layout.headSize
                layout.probabilities(
                    .init(pointer: q.value.pointer + start, stride: layout.width),
                    .init(pointer: k.value.pointer + start, stride: layout.width), length: length, into: p)
                _ = layout.drop(p, into: p, rows: rows, head: head)
                MatrixProduct.multiply(
                    .init(pointer: p, stride: length), .init(pointer: v.value.pointer + start, stride: layout.width),
                    into: destination + start, stride: layout.width, m: length, n: layout.headSize, k: length,
                    parallel: false)
            }
        }
        return record(y, from: q, k, v) { Attention(q: q, k: k, v: v, layout: layout) }
    }
}
