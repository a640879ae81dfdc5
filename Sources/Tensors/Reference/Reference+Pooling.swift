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

    /// y[b] = the largest of the rows of b, column by column. x: [N, C] → [B, C].
    public static func maxPosition(_ x: [Double], _ offsets: SequenceOffsets) -> [Double] {
        let width = x.count / offsets.rows
        return (0..<offsets.count).flatMap { b in
            (0..<width).map { j in
                offsets[b].reduce(-Double.infinity) { max($0, x[$1 * width + j]) }
            }
        }
    }

    /// x / max(‖x‖₂, 10⁻¹²) per row of the given width.
    public static func normalize(_ x: [Double], width: Int) -> [Double] {
        stride(from: 0, to: x.count, by: width).flatMap { start in
            let row = x[start..<start + width]
            let norm = max(row.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12)
            return row.map { $0 / norm }
        }
    }
}
