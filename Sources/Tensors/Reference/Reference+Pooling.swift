extension Reference {
    /// y[b] = x[first row of b]. x: [N, C] → [B, C].
    public static func firstPosition(_ x: [Double], _ offsets: SequenceOffsets) -> [Double] {
        let width = x.count / offsets.rows
        return (0..<offsets.count).flatMap { b -> ArraySlice<Double> in
            let first = offsets[b].lowerBound
            return x[first * width..<(first + 1) * width]
        }
    }

    /// y[b] = mean of the rows of b. x: [N, C] → [B, C].
    public static func meanPosition(_ x: [Double], _ offsets: SequenceOffsets) -> [Double] {
        let width = x.count / offsets.rows
        return (0..<offsets.count).flatMap { b in
            (0..<width).map { j in
                offsets[b].reduce(0) { $0 + x[$1 * width + j] } / Double(offsets[b].count)
            }
        }
    }
}
