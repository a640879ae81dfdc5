/// One scalar of a text that is being normalized, and how it came about.
struct ScalarChange: Equatable {
    var scalar: Unicode.Scalar
    /// 0: it replaces the next old scalar. 1: it is inserted. −n: it replaces one, and the n after that are removed.
    var change: Int

    init(_ scalar: Unicode.Scalar, _ change: Int = 0) {
        self.scalar = scalar
        self.change = change
    }
}
