import CKernels

/// Scaled dot-product attention with several heads over a packed batch (Vaswani et al. 2017, arXiv 1706.03762).
///
/// For each sequence and head: S = Q · Kᵀ / √D, P = softmax(S) per row, D' = dropout(P), Y = D' · V.
/// q: [N, H · D], k, v: [N, G · D] → [N, H · D]. Sequences see only themselves, so there is no padding and no mask but the
/// causal one. With fewer key heads than query heads (G < H, Ainslie et al. 2023, arXiv 2305.13245) H / G neighbouring query
/// heads share one, whose gradients are the sums of theirs.
/// With g = ∂L/∂Y: ∂L/∂V = D'ᵀ · g, ∂L/∂D' = g · Vᵀ, ∂L/∂S = (D' ⊙ ∂L/∂D' − P · Σ_row D' ⊙ ∂L/∂D') / √D (the mask and its
/// factor are in D' already), ∂L/∂Q = ∂L/∂S · K, ∂L/∂K = ∂L/∂Sᵀ · Q. The probabilities are computed again in backward: only q, k and v are kept. Scores exist for a
/// block of rows of one head at a time and stay in the cache (Dao et al. 2022, arXiv 2205.14135, blocked over rows). Operands of
/// the products have the tape's precision; scores, probabilities and their gradients are float32 between them.
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
        Profile.measure(.attention) {
            layout.forEachGroup { group in
                group.backward(
                    q: q.value.pointer, k: k.value.pointer, v: v.value.pointer, g: gradient.pointer, dq: dqs, dk: dks,
                    dv: dvs)
            }
        }
        gradients.add(dq, to: q)
        gradients.add(dk, to: k)
        gradients.add(dv, to: v)
    }
}

/// The sizes of one attention call.
private struct AttentionLayout {
    let offsets: SequenceOffsets
    let heads: Int
    let keyHeads: Int
    let headSize: Int
    let isCausal: Bool
    let dropout: DropoutMask?
    let precision: Precision

    /// Floats of a row of q and of the output.
    var width: Int { heads * headSize }
    /// Floats of a row of k and v.
    var keyWidth: Int { keyHeads * headSize }
    var scale: Float { 1 / Float(headSize).squareRoot() }

    /// Runs `body` for each key head of each sequence, in parallel; each writes its own columns of its own rows.
    func forEachGroup(_ body: (AttentionGroup) -> Void) {
        func run(_ index: Int) {
            body(AttentionGroup(self, rows: offsets[index / keyHeads], keyHead: index % keyHeads))
        }
        if offsets.rows * width > 1 << 14 {
            Threads.forEach(offsets.count * keyHeads, run)
        } else {
            for index in 0..<offsets.count * keyHeads { run(index) }
        }
    }
}

/// The query heads of one sequence that share one head of keys and values.
private struct AttentionGroup {
    let layout: AttentionLayout
    /// The sequence's rows of the packed batch.
    let rows: Range<Int>
    /// Where the key head begins in k and v.
    let keyStart: Int
    let heads: Range<Int>

    /// Rows of scores that exist at a time. The last bit of a causal row may depend on how many rows follow in its block.
    private static let blockRows = 64

    init(_ layout: AttentionLayout, rows: Range<Int>, keyHead: Int) {
        self.layout = layout
        self.rows = rows
        keyStart = rows.lowerBound * layout.keyWidth + keyHead * layout.headSize
        let size = layout.heads / layout.keyHeads
        heads = keyHead * size..<(keyHead + 1) * size
    }

    /// Where a head begins in q and the output.
    private func start(_ head: Int) -> Int { rows.lowerBound * layout.width + head * layout.headSize }
    private var length: Int { rows.count }
    private var headSize: Int { layout.headSize }
    private var width: Int { layout.width }
    private var keyWidth: Int { layout.keyWidth }
    /// Floats of a packed operand with a row for each position, and of one with a column for each.
    private var panelFloats: Int {
        AttentionProducts.panelFloats(layout.precision, depth: length, columns: headSize)
    }
    private var transposedFloats: Int {
        AttentionProducts.panelFloats(layout.precision, depth: headSize, columns: length)
    }
    /// Floats of a packed block of rows.
    private var leftFloats: Int {
        AttentionProducts.leftFloats(
            layout.precision, block: min(length, Self.blockRows), length: length, headSize: headSize)
    }

    /// Calls `body` with blocks of rows and the number of positions that they see.
    private func forEachBlock(_ body: (Range<Int>, Int) -> Void) {
        for first in stride(from: 0, to: length, by: Self.blockRows) {
            let block = first..<min(first + Self.blockRows, length)
            body(block, layout.isCausal ? block.upperBound : length)
        }
    }

    func forward(
        q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>, y: UnsafeMutablePointer<Float>
    ) {
        let square = min(length, Self.blockRows) * length
        var scratch = Tensor(uninitialized: [transposedFloats + panelFloats + square + leftFloats])
        defer { withExtendedLifetime(scratch) {} }
        let keys = scratch.mutablePointer
        let values = keys + transposedFloats
        let scores = values + panelFloats
        let products = AttentionProducts(layout.precision, left: scores + square)
        products.packTransposed(k + keyStart, keyWidth, depth: headSize, columns: length, into: keys)
        products.pack(v + keyStart, keyWidth, depth: length, columns: headSize, into: values)
        for head in heads {
            forEachBlock { block, seen in
                probabilities(q + start(head), keys, block, seen, into: scores, products)
                drop(scores, into: scores, head, block, seen)
                products.multiply(
                    scores, seen, values, panelDepth: length, into: y + start(head) + block.lowerBound * width, width,
                    rows: block.count, depth: seen, columns: headSize)
            }
        }
    }

    func backward(
        q: UnsafePointer<Float>, k: UnsafePointer<Float>, v: UnsafePointer<Float>, g: UnsafePointer<Float>,
        dq: UnsafeMutablePointer<Float>, dk: UnsafeMutablePointer<Float>, dv: UnsafeMutablePointer<Float>
    ) {
        let square = min(length, Self.blockRows) * length
        var scratch = Tensor(uninitialized: [2 * transposedFloats + 3 * panelFloats + 3 * square + leftFloats])
        defer { withExtendedLifetime(scratch) {} }
        let keysTransposed = scratch.mutablePointer
        let valuesTransposed = keysTransposed + transposedFloats
        let keys = valuesTransposed + transposedFloats
        let (queries, incoming) = (keys + panelFloats, keys + 2 * panelFloats)
        let scores = keys + 3 * panelFloats
        let (dropped, dscores) = (scores + square, scores + 2 * square)
        let products = AttentionProducts(layout.precision, left: scores + 3 * square)
        products.packTransposed(k + keyStart, keyWidth, depth: headSize, columns: length, into: keysTransposed)
        products.packTransposed(v + keyStart, keyWidth, depth: headSize, columns: length, into: valuesTransposed)
        products.pack(k + keyStart, keyWidth, depth: length, columns: headSize, into: keys)
        for head in heads {
            let start = start(head)
            products.pack(q + start, width, depth: length, columns: headSize, into: queries)
            products.pack(g + start, width, depth: length, columns: headSize, into: incoming)
            forEachBlock { block, seen in
                let offset = start + block.lowerBound * width
                probabilities(q + start, keysTransposed, block, seen, into: scores, products)
                let used = drop(scores, into: dropped, head, block, seen) ? dropped : scores
                // What this group has not met yet is written, not added to: causal blocks see ever more positions.
                let isFirst = head == heads.lowerBound
                let known = !isFirst ? seen : layout.isCausal ? block.lowerBound : block.lowerBound > 0 ? seen : 0
                let parts = [(rows: 0..<known, accumulate: true), (rows: known..<seen, accumulate: false)]
                /// destination = scoresᵀ · panels[block].
                func multiplyTransposed(
                    _ scores: UnsafePointer<Float>, _ panels: UnsafePointer<Float>,
                    _ destination: UnsafeMutablePointer<Float>
                ) {
                    products.multiplyTransposed(
                        scores, seen, panels, panelDepth: length, first: block.lowerBound, into: destination + keyStart,
                        keyWidth, parts: parts, depth: block.count, columns: headSize)
                }
                multiplyTransposed(used, incoming, dv)
                products.multiply(
                    g + offset, width, valuesTransposed, panelDepth: headSize, into: dscores, seen, rows: block.count,
                    depth: headSize, columns: seen)
                Profile.measure(.softmax, within: .attention) {
                    kernels.softmax_backward(scores, used, dscores, block.count, seen, layout.scale)
                }
                products.multiply(
                    dscores, seen, keys, panelDepth: length, into: dq + offset, width, rows: block.count, depth: seen,
                    columns: headSize)
                multiplyTransposed(dscores, queries, dk)
            }
        }
    }

    /// P = softmax(Q · Kᵀ / √D) for a block of rows: [block, seen]; 0 for later positions if causal. q begins at the head.
    private func probabilities(
        _ q: UnsafePointer<Float>, _ keys: UnsafePointer<Float>, _ block: Range<Int>, _ seen: Int,
        into p: UnsafeMutablePointer<Float>, _ products: AttentionProducts
    ) {
        products.multiply(
            q + block.lowerBound * width, width, keys, panelDepth: headSize, into: p, seen, rows: block.count,
            depth: headSize, columns: seen)
        Profile.measure(.softmax, within: .attention) {
            if layout.isCausal {
                for row in block {
                    let later = p + (row - block.lowerBound) * seen + row + 1
                    later.update(repeating: -.infinity, count: seen - row - 1)
                }
            }
            kernels.softmax(p, block.count, seen, layout.scale)
        }
    }

    /// Applies the dropout mask to a block of scores. Returns false, having done nothing, without dropout.
    @discardableResult private func drop(
        _ source: UnsafePointer<Float>, into destination: UnsafeMutablePointer<Float>, _ head: Int, _ block: Range<Int>,
        _ seen: Int
    ) -> Bool {
        guard let dropout = layout.dropout else { return false }
        let first = rows.lowerBound + block.lowerBound
        dropout.apply(
            to: source, into: destination, rows: first..<first + block.count, width: seen, salt: dropout.salted(head))
        return true
    }
}

extension Tape {
    /// Multi-head attention over a packed batch; q: [N, H · D], k, v: [N, G · D] → [N, H · D].
    ///
    /// - Parameters:
    ///   - heads: query heads (H).
    ///   - keyHeads: heads of keys and values (G), which divide H; nil means H.
    ///   - causal: whether a position sees only itself and earlier ones.
    ///   - dropout: probability of dropping an attention weight; used only with `keys`.
    ///   - salt: tells apart the attention layers of a model.
    public func attention(
        q: Variable, k: Variable, v: Variable, heads: Int, keyHeads: Int? = nil, offsets: SequenceOffsets,
        causal: Bool = false, dropout: Float = 0, keys: DropoutKeys? = nil, salt: UInt64 = 0
    ) -> Variable {
        let keyHeads = keyHeads ?? heads
        precondition(
            heads % keyHeads == 0 && q.value.width % heads == 0 && q.value.rows == offsets.rows && k.shape == v.shape
                && k.shape == [q.value.rows, q.value.width / heads * keyHeads],
            "attention: q \(q.shape), k \(k.shape), v \(v.shape), \(heads) heads, \(keyHeads) of keys, \(offsets.rows) positions"
        )
        let layout = AttentionLayout(
            offsets: offsets, heads: heads, keyHeads: keyHeads, headSize: q.value.width / heads, isCausal: causal,
            dropout: DropoutMask(keys: keys, salt: salt, probability: dropout, rows: offsets.rows),
            precision: precision)
        var y = Tensor(uninitialized: q.shape)
        let destination = y.mutablePointer
        Profile.measure(.attention) {
            layout.forEachGroup { group in
                group.forward(q: q.value.pointer, k: k.value.pointer, v: v.value.pointer, y: destination)
            }
        }
        return record(y, from: q, k, v) { Attention(q: q, k: k, v: v, layout: layout) }
    }
}
