import CKernels
import COpenBLAS

/// Matrix products C = A · B: this file is the whole contract with OpenBLAS and with the product kernels.
///
/// Both run on the calling thread; large products are split here by rows or columns of the result, which keeps one
/// thread policy. With the own kernels the result does not depend on the split.
public enum MatrixProduct {
    /// The name of the kernels that OpenBLAS uses, such as `SkylakeX`.
    public static var coreName: String {
        _ = prepared
        return String(cString: openblas_get_corename())
    }

    /// C = A · B (+ bias in every row) (+ C), with C: m × n and `stride` floats from row to row.
    ///
    /// - Parameters:
    ///   - bias: n floats.
    ///   - finish: called for ranges of rows of C, together all of them: as soon as they are done and still in the cache, from
    ///     the thread that made them, or of a few rows after all of them are done.
    static func multiply(
        _ a: ProductRows, _ b: ProductPanels, into c: UnsafeMutablePointer<Float>, stride: Int,
        bias: UnsafePointer<Float>? = nil, accumulate: Bool = false, finish: ((Range<Int>) -> Void)? = nil
    ) {
        precondition(
            a.depth == b.depth && a.precision == b.precision,
            "MatrixProduct: \(a.rows) × \(a.depth) \(a.precision) and \(b.depth) × \(b.width) \(b.precision)")
        let (m, n, k) = (a.rows, b.width, a.depth)
        guard m > 0, n > 0 else { return }
        Profile.measure(.gemm) {
            // Below some microseconds of work a second thread costs more than it brings.
            let isLarge = 2 * m * n * k > 1_000_000
            // 48 columns are the widest block that the kernels keep in registers.
            let columnBlocks = (n + 47) / 48
            if isLarge, m < Threads.count * (finish == nil ? blockRows : 16),
                columnBlocks >= min(Threads.count, (m + 15) / 16)
            {
                Threads.forEachChunk(of: columnBlocks, grain: 1) { range in
                    part(
                        a, b, into: c, stride: stride, bias: bias, accumulate: accumulate, rows: 0..<m,
                        columns: range.lowerBound * 48..<min(range.upperBound * 48, n))
                }
                if let finish { Threads.forEachChunk(of: m, grain: 1, finish) }
                return
            }
            // As many tasks for each thread, each of whole tiles of 16 rows.
            let tasks = isLarge ? max(1, (m / taskRows + Threads.count - 1) / Threads.count) * Threads.count : 1
            Threads.forEach(tasks) { task in
                let tiles = Threads.chunk(task, of: (m + 15) / 16, parts: tasks)
                let end = min(tiles.upperBound * 16, m)
                // Without a finish the kernels block the rows by themselves.
                let step = finish == nil ? max(end, 1) : blockRows
                for start in Swift.stride(from: tiles.lowerBound * 16, to: end, by: step) {
                    let rows = start..<min(start + step, end)
                    part(
                        a, b, into: c, stride: stride, bias: bias, accumulate: accumulate, rows: rows, columns: 0..<n)
                    finish?(rows)
                }
            }
        }
    }

    /// Rows of C that one task makes: few enough to share out evenly, enough to keep the panels of B in the caches.
    private static let taskRows = 512
    /// Rows of C that are finished together: they stay in the second-level cache.
    private static let blockRows = 96

    private static func part(
        _ a: ProductRows, _ b: ProductPanels, into c: UnsafeMutablePointer<Float>, stride: Int,
        bias: UnsafePointer<Float>?, accumulate: Bool, rows: Range<Int>, columns: Range<Int>
    ) {
        let corner = c + rows.lowerBound * stride + columns.lowerBound
        let bias = bias.map { $0 + columns.lowerBound }
        guard b.isPlain else {
            let product = a.precision.product
            let element = Int(product.element)
            product.multiply(
                a.pointer + rows.lowerBound * a.stride * element, a.stride,
                b.pointer + columns.lowerBound / 16 * b.panel * element, b.panel, corner, stride, bias, rows.count,
                a.depth, columns.count, accumulate ? 1 : 0)
            return
        }
        _ = prepared
        if let bias {
            for row in 0..<rows.count {
                let destination = corner + row * stride
                if accumulate {
                    kernels.add_scaled(bias, 1, destination, columns.count)
                } else {
                    destination.update(from: bias, count: columns.count)
                }
            }
        }
        let (left, right) = (
            a.pointer.assumingMemoryBound(to: Float.self), b.pointer.assumingMemoryBound(to: Float.self)
        )
        let width = b.isTransposed ? b.depth : b.width
        cblas_sgemm(
            CblasRowMajor, a.isTransposed ? CblasTrans : CblasNoTrans, b.isTransposed ? CblasTrans : CblasNoTrans,
            blasint(rows.count), blasint(columns.count), blasint(a.depth), 1,
            left + rows.lowerBound * (a.isTransposed ? 1 : a.stride), blasint(max(a.stride, 1)),
            right + columns.lowerBound * (b.isTransposed ? width : 1), blasint(max(width, 1)),
            bias != nil || accumulate ? 1 : 0, corner, blasint(stride))
    }

    /// Done once, before the first product.
    private static let prepared: Void = openblas_set_num_threads(1)
}
