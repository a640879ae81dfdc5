extension Reference {
    /// c[i, j] = Σ_k a[i, k] · b[k, j]. a: [N, K], b: [K, C] → [N, C].
    public static func product(_ a: [Double], _ b: [Double], rows: Int, depth: Int, width: Int) -> [Double] {
        (0..<rows * width).map { index in
            let (i, j) = (index / width, index % width)
            return (0..<depth).reduce(0) { $0 + a[i * depth + $1] * b[$1 * width + j] }
        }
    }

    /// y[i, o] = Σ_j x[i, j] · weight[o, j] + bias[o]. x: [N, I], weight: [O, I], bias: [O] or empty → [N, O].
    public static func linear(_ x: [Double], weight: [Double], bias: [Double] = [], input: Int) -> [Double] {
        let (rows, output) = (x.count / input, weight.count / input)
        return (0..<rows * output).map { index in
            let (i, o) = (index / output, index % output)
            return (0..<input).reduce(bias.isEmpty ? 0 : bias[o]) { $0 + x[i * input + $1] * weight[o * input + $1] }
        }
    }

    /// y[i, :] = table[ids[i], :]. table: [V, C] → [N, C].
    public static func embedding(_ table: [Double], ids: [Int32], width: Int) -> [Double] {
        ids.flatMap { table[Int($0) * width..<(Int($0) + 1) * width] }
    }

    /// sums[j] + Σ_i x[i, j]. x: [N, C], sums: [C].
    public static func addColumnSums(_ x: [Double], to sums: [Double]) -> [Double] {
        sums.indices.map { j in stride(from: j, to: x.count, by: sums.count).reduce(sums[j]) { $0 + x[$1] } }
    }
}
