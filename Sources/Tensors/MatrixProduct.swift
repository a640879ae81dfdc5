import COpenBLAS

/// Single-precision matrix products on OpenBLAS: this file is the whole contract with it.
///
/// OpenBLAS runs on the calling thread; large products are split here by rows or columns of the result, which keeps
/// one thread policy and makes the result independent of OpenBLAS's own scheduling.
public enum MatrixProduct {
    /// A matrix as BLAS sees it: its first element, whether it is used transposed, and the distance between its rows.
    struct Operand {
        var pointer: UnsafePointer<Float>
        var transposed = false
        var stride: Int

        /// The operand from row `row` and column `column` of op(A) on.
        func advanced(row: Int, column: Int) -> UnsafePointer<Float> {
            transposed ? pointer + column * stride + row : pointer + row * stride + column
        }
    }

    /// The name of the kernels that OpenBLAS uses, such as `SkylakeX`.
    public static var coreName: String {
        _ = prepared
        return String(cString: openblas_get_corename())
    }

    /// C = alpha · op(A) · op(B) + beta · C with op(A): m × k, op(B): k × n, C: m × n with row distance `stride`.
    static func multiply(
        _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, stride: Int, m: Int, n: Int, k: Int,
        alpha: Float = 1, beta: Float = 0, parallel: Bool = true
    ) {
        guard m > 0, n > 0 else { return }
        _ = prepared
        func part(rows: Range<Int>, columns: Range<Int>) {
            cblas_sgemm(
                CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans,
                blasint(rows.count), blasint(columns.count), blasint(k), alpha,
                a.advanced(row: rows.lowerBound, column: 0), blasint(max(a.stride, 1)),
                b.advanced(row: 0, column: columns.lowerBound), blasint(max(b.stride, 1)), beta,
                c + rows.lowerBound * stride + columns.lowerBound, blasint(stride))
        }
        // Below about 30 µs of work a second thread costs more than it brings.
        guard parallel, Threads.count > 1, 2 * m * n * k > 4_000_000 else {
            return part(rows: 0..<m, columns: 0..<n)
        }
        if m >= n {
            Threads.forEachChunk(of: m, grain: 8) { part(rows: $0, columns: 0..<n) }
        } else {
            Threads.forEachChunk(of: n, grain: 16) { part(rows: 0..<m, columns: $0) }
        }
    }

    /// Done once, before the first product.
    private static let prepared: Void = openblas_set_num_threads(1)
}
