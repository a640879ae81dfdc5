/// Every operation and every vector kernel once more, as its formula says it: scalar, in double precision, slow.
///
/// This is what the fast code is measured against: the kernels of `CKernels.h` at every instruction level, and the
/// backward passes by central differences of these forward formulas. Matrices are row-major arrays; the legend of
/// shapes is that of `Tensor`.
public enum Reference {
    /// ∂f/∂x for every element of x: (f(x + h) − f(x − h)) / 2h.
    ///
    /// With h = 1e-5 the neglected term h²·f‴/6 and the rounding ε·f/h are both near 1e-11 for values near 1.
    public static func centralDifferences(
        at x: [Double], step h: Double = 1e-5, of f: ([Double]) -> Double
    ) -> [Double] {
        var moved = x
        return x.indices.map { i in
            defer { moved[i] = x[i] }
            moved[i] = x[i] + h
            let above = f(moved)
            moved[i] = x[i] - h
            return (above - f(moved)) / (2 * h)
        }
    }
}
