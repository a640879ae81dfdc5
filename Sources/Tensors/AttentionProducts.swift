import CKernels

/// The products of one thread's attention in one precision. Left operands are blocks of float32 rows, which in bfloat16 are
/// packed here; right ones are panels that are packed once and read often.
struct AttentionProducts {
    private let precision: Precision
    private let product: retort_product
    /// Room for a packed left operand.
    private let left: UnsafeMutableRawPointer

    /// - Parameter left: room for `leftFloats` floats.
    init(_ precision: Precision, left: UnsafeMutablePointer<Float>) {
        self.precision = precision
        product = precision.product
        self.left = UnsafeMutableRawPointer(left)
    }

    /// Floats for any left operand of up to `block` rows that see `length` positions, or that stand in columns.
    static func leftFloats(_ precision: Precision, block: Int, length: Int, headSize: Int) -> Int {
        guard precision == .bfloat16 else { return 0 }
        let rows = precision.paddedDepth(block) * precision.paddedDepth(max(length, headSize))
        return precision.floats(rows)
    }

    /// Floats of the panels of a right operand: depth × columns.
    static func panelFloats(_ precision: Precision, depth: Int, columns: Int) -> Int {
        precision.floats(precision.paddedDepth(depth) * ((columns + 15) / 16 * 16))
    }

    /// Elements from one panel to the next.
    private func panel(_ depth: Int) -> Int { precision.paddedDepth(depth) * 16 }

    /// B[k, j] = x[k · stride + j] for `depth` rows of `columns` floats.
    func pack(
        _ x: UnsafePointer<Float>, _ stride: Int, depth: Int, columns: Int, into panels: UnsafeMutablePointer<Float>
    ) {
        product.pack_panels(x, stride, panels, depth, columns)
    }

    /// B[k, j] = x[j · stride + k] for `columns` rows of `depth` floats.
    func packTransposed(
        _ x: UnsafePointer<Float>, _ stride: Int, depth: Int, columns: Int, into panels: UnsafeMutablePointer<Float>
    ) {
        product.pack_panels_transposed(x, stride, panels, depth, columns)
    }

    /// y = x · B of `rows` rows, where B has `panelDepth` rows of which the first `depth` are met.
    func multiply(
        _ x: UnsafePointer<Float>, _ stride: Int, _ panels: UnsafePointer<Float>, panelDepth: Int,
        into y: UnsafeMutablePointer<Float>, _ resultStride: Int, rows: Int, depth: Int, columns: Int
    ) {
        guard precision == .bfloat16 else {
            return product.multiply(
                x, stride, panels, panel(panelDepth), y, resultStride, nil, rows, depth, columns, 0)
        }
        let padded = precision.paddedDepth(depth)
        product.pack_rows(x, stride, left, padded, rows, depth)
        product.multiply(left, padded, panels, panel(panelDepth), y, resultStride, nil, rows, depth, columns, 0)
    }

    /// The rows `parts` of y = xᵀ · B, where x has a column for each of them: [depth, …] with `stride` floats from row to row.
    ///
    /// - Parameters:
    ///   - first: the row of B at which it begins, a multiple of 32.
    ///   - parts: rows of y, and whether the product is added to them.
    func multiplyTransposed(
        _ x: UnsafePointer<Float>, _ stride: Int, _ panels: UnsafePointer<Float>, panelDepth: Int, first: Int,
        into y: UnsafeMutablePointer<Float>, _ resultStride: Int, parts: [(rows: Range<Int>, accumulate: Bool)],
        depth: Int, columns: Int
    ) {
        let panels = UnsafeRawPointer(panels) + first * 16 * Int(product.element)
        for (rows, accumulate) in parts where !rows.isEmpty {
            let corner = y + rows.lowerBound * resultStride
            if precision == .bfloat16 {
                let padded = precision.paddedDepth(depth)
                product.pack_rows_transposed(x + rows.lowerBound, stride, left, padded, rows.count, depth, nil)
                product.multiply(
                    left, padded, panels, panel(panelDepth), corner, resultStride, nil, rows.count, depth, columns,
                    accumulate ? 1 : 0)
            } else {
                product.multiply_transposed(
                    x + rows.lowerBound, stride, panels.assumingMemoryBound(to: Float.self), panel(panelDepth), corner,
                    resultStride, rows.count, depth, columns, accumulate ? 1 : 0)
            }
        }
    }
}
