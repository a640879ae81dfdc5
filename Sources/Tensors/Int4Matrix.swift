/// Weights on 16 levels, −8…7, with a scale for every group of neighbours in a row: w ≈ scale · level.
///
/// Scales are halves, and are searched: of 19 beginnings around max|w| / 8 each gives levels, for these levels the scale of
/// the least squared error is Σ w · q / Σ q², and the best of them is kept (as ggml's `make_qx_quants` does).
public struct Int4Matrix: Sendable {
    public let rows: Int
    public let width: Int
    /// Neighbours that share a scale; a divisor of the width.
    public let group: Int
    /// Row-major: [R, C].
    public let levels: [Int8]
    /// [R, C / group], each of them a number that a half holds; infinite where the weights are beyond them.
    public let scales: [Float]

    /// Rounds x: [R, C], which must be finite.
    public init(quantizing x: Tensor, group: Int) {
        let (rows, width) = (x.rows, x.width)
        precondition(group > 0 && width.isMultiple(of: group), "Int4Matrix: rows of \(width) in groups of \(group)")
        self.rows = rows
        self.width = width
        self.group = group
        let groups = rows * width / group
        var (levels, scales) = ([Int8](repeating: 0, count: rows * width), [Float](repeating: 0, count: groups))
        func own(_ index: Int) -> UnsafeBufferPointer<Float> {
            UnsafeBufferPointer(start: x.pointer + index * group, count: group)
        }
        func forEachGroup(_ body: (Int) -> Void) {
            Threads.forEachChunk(of: groups, grain: max(1, (1 << 12) / group)) { $0.forEach(body) }
        }
        scales.withUnsafeMutableBufferPointer { scales in
            // Each thread writes its own groups.
            nonisolated(unsafe) let scales = scales
            forEachGroup { scales[$0] = Self.bestScale(own($0)) }
        }
        // What is too small for a half has levels of 0 and any scale.
        scales = HalfPrecision.decode(HalfPrecision.encode(scales)).map { (1 / $0).isFinite ? $0 : 1 }
        levels.withUnsafeMutableBufferPointer { levels in
            nonisolated(unsafe) let levels = levels
            forEachGroup { index in
                for (place, value) in own(index).enumerated() {
                    levels[index * group + place] = Int8(Self.nearestLevel(value / scales[index]))
                }
            }
        }
        self.levels = levels
        self.scales = scales
    }

    /// levels · scale: [R, C].
    public var dequantized: Tensor {
        var y = Tensor(uninitialized: [rows, width])
        let destination = y.mutablePointer
        for index in levels.indices { destination[index] = Float(levels[index]) * scales[index / group] }
        return y
    }

    /// The scale of one group that leaves the least squared error.
    private static func bestScale(_ x: UnsafeBufferPointer<Float>) -> Float {
        var largest: Float = 0
        for value in x where abs(value) > abs(largest) { largest = value }
        var (best, scale): (Float, Float) = (0, 0)
        for step in -9...9 {
            let inverse = -(8 + 0.1 * Float(step)) / largest
            guard inverse.isFinite else { break }
            var (product, square): (Float, Float) = (0, 0)
            for value in x {
                let level = nearestLevel(value * inverse)
                product += value * level
                square += level * level
            }
            if product * product > best * square { (best, scale) = (product * product / square, product / square) }
        }
        return scale
    }

    /// Rounded half to even by adding 1.5 · 2²³, which leaves no fraction: the baseline has no instruction for it.
    @inline(__always)
    private static func nearestLevel(_ x: Float) -> Float {
        (min(7, max(-8, x)) + 12_582_912) - 12_582_912
    }
}
