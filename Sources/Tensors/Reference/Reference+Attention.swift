import Foundation

extension Reference {
    /// softmax(scale · x) per row: exp(scale · (x − max)) / Σ exp(scale · (x − max)). x: [N, C].
    public static func softmax(_ x: [Double], width: Int, scale: Double = 1) -> [Double] {
        stride(from: 0, to: x.count, by: max(width, 1)).flatMap { start -> [Double] in
            let row = x[start..<start + width]
            let maximum = row.max() ?? 0
            let powers = row.map { exp(scale * ($0 - maximum)) }
            let sum = powers.reduce(0, +)
            return powers.map { $0 / sum }
        }
    }

    /// The gradient of u = factors · softmax(scale · x) per row, by the chain rule: with dp = factors · du,
    /// scale · p · (dp − Σ p · dp). p, factors, du: [N, C]; without factors u is p.
    public static func softmaxBackward(
        _ p: [Double], factors: [Double]? = nil, du: [Double], width: Int, scale: Double = 1
    ) -> [Double] {
        let dp = factors.map { zip($0, du).map { $0 * $1 } } ?? du
        return stride(from: 0, to: p.count, by: max(width, 1)).flatMap { start -> [Double] in
            let dot = (start..<start + width).reduce(0) { $0 + p[$1] * dp[$1] }
            return (start..<start + width).map { scale * p[$0] * (dp[$0] - dot) }
        }
    }

    /// Multi-head attention: per sequence and head Y = (softmax(Q · Kᵀ / √D) ⊙ M) · V.
    ///
    /// q: [N, H · D], k, v: [N, G · D] → [N, H · D]; query head h uses key head ⌊h · G / H⌋. M is the dropout of `dropoutFactors` with the row keys of the sequence, its
    /// columns the positions within the sequence, and `RandomKey(salt).mixed(head)` as salt; all 1 without keys.
    /// If `causal`, the scores of later positions are −∞.
    public static func attention(
        q: [Double], k: [Double], v: [Double], heads: Int, keyHeads: Int? = nil, offsets: SequenceOffsets,
        causal: Bool = false, dropout: Float = 0, keys: DropoutKeys? = nil, salt: UInt64 = 0
    ) -> [Double] {
        let width = q.count / offsets.rows
        let headSize = width / heads
        let groups = keyHeads ?? heads
        let keyWidth = groups * headSize
        var y = [Double](repeating: 0, count: q.count)
        for b in 0..<offsets.count {
            let rows = offsets[b]
            for head in 0..<heads {
                let columns = head * headSize..<(head + 1) * headSize
                let shift = (head * groups / heads - head) * headSize
                func score(_ i: Int, _ j: Int) -> Double {
                    if causal && j > i { return -.infinity }
                    return columns.reduce(0) { $0 + q[i * width + $1] * k[j * keyWidth + shift + $1] }
                }
                let scores = rows.flatMap { i in rows.map { score(i, $0) } }
                var p = softmax(scores, width: rows.count, scale: 1 / Double(headSize).squareRoot())
                if let keys {
                    let factors = dropoutFactors(
                        keys: Array(keys.rows[rows]), salt: RandomKey(salt).mixed(head).value, width: rows.count,
                        probability: dropout)
                    p = zip(p, factors).map { $0 * $1 }
                }
                for (i, row) in rows.enumerated() {
                    for column in columns {
                        y[row * width + column] = rows.enumerated().reduce(0) {
                            $0 + p[i * rows.count + $1.offset] * v[$1.element * keyWidth + shift + column]
                        }
                    }
                }
            }
        }
        return y
    }
}
