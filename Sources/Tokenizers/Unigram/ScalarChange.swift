/// One scalar of a normalized text, and what it does to the text before.
struct ScalarChange: Equatable {
    var scalar: Unicode.Scalar
    /// 0 replaces the next scalar, 1 is inserted, −n replaces one and removes the n after it.
    var change: Int
}
