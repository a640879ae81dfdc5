extension Reference {
    /// y = (x − mean) / √(var + ε) · γ + β per row, with the mean and 1/√(var + ε) of each row.
    ///
    /// x: [N, C], gamma, beta: [C] → y: [N, C], mean, rstd: [N]. The variance divides by C.
    public static func layerNorm(
        _ x: [Double], gamma: [Double], beta: [Double], epsilon: Double
    ) -> (y: [Double], mean: [Double], rstd: [Double]) {
        let width = gamma.count
        var (y, means, rstds): ([Double], [Double], [Double]) = ([], [], [])
        for start in stride(from: 0, to: x.count, by: max(width, 1)) {
            let row = x[start..<start + width]
            let mean = row.reduce(0, +) / Double(width)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
            let rstd = 1 / (variance + epsilon).squareRoot()
            y += zip(row, zip(gamma, beta)).map { ($0 - mean) * rstd * $1.0 + $1.1 }
            means.append(mean)
            rstds.append(rstd)
        }
        return (y, means, rstds)
    }

    /// LN(residual + dropout(x)), with the dropout of `dropoutFactors`; without keys nothing is dropped.
    ///
    /// x, residual: [N, C], gamma, beta: [C] → [N, C].
    public static func addNorm(
        _ x: [Double], residual: [Double], gamma: [Double], beta: [Double], epsilon: Double, dropout: Float = 0,
        keys: DropoutKeys? = nil, salt: UInt64 = 0
    ) -> [Double] {
        let factors = keys.map {
            dropoutFactors(keys: $0.rows, salt: salt, width: gamma.count, probability: dropout)
        }
        let dropped = factors.map { zip(x, $0).map { $0 * $1 } } ?? x
        return layerNorm(add(residual, dropped), gamma: gamma, beta: beta, epsilon: epsilon).y
    }

    /// The gradients of `layerNorm`: with h = (x − mean) · rstd and d = dy ⊙ γ,
    /// dx = rstd · (d − mean(d) − h · mean(d ⊙ h)) per row, dγ = Σ_rows dy ⊙ h, dβ = Σ_rows dy.
    public static func layerNormBackward(
        _ x: [Double], gamma: [Double], dy: [Double], mean: [Double], rstd: [Double]
    ) -> (dx: [Double], dgamma: [Double], dbeta: [Double]) {
        let width = gamma.count
        var dx: [Double] = []
        var dgamma = [Double](repeating: 0, count: width)
        var dbeta = dgamma
        for (i, start) in stride(from: 0, to: x.count, by: max(width, 1)).enumerated() {
            let h = x[start..<start + width].map { ($0 - mean[i]) * rstd[i] }
            let d = zip(dy[start..<start + width], gamma).map { $0 * $1 }
            let sum = d.reduce(0, +) / Double(width)
            let projection = zip(d, h).reduce(0) { $0 + $1.0 * $1.1 } / Double(width)
            dx += zip(d, h).map { rstd[i] * ($0 - sum - $1 * projection) }
            for j in 0..<width {
                dgamma[j] += dy[start + j] * h[j]
                dbeta[j] += dy[start + j]
            }
        }
        return (dx, dgamma, dbeta)
    }

    /// y = x · γ / √(mean(x²) + ε) per row, with 1 / √(mean(x²) + ε) of each row. x: [N, C], gamma: [C].
    public static func rmsNorm(_ x: [Double], gamma: [Double], epsilon: Double) -> (y: [Double], reciprocal: [Double]) {
        let width = gamma.count
        var (y, reciprocals): ([Double], [Double]) = ([], [])
        for start in stride(from: 0, to: x.count, by: max(width, 1)) {
            let row = x[start..<start + width]
            let reciprocal = 1 / (row.reduce(0) { $0 + $1 * $1 } / Double(width) + epsilon).squareRoot()
            y += zip(row, gamma).map { $0 * reciprocal * $1 }
            reciprocals.append(reciprocal)
        }
        return (y, reciprocals)
    }

    /// The gradients of `rmsNorm`: with h = x · reciprocal and d = dy ⊙ γ,
    /// dx = reciprocal · (d − h · mean(d ⊙ h)) per row, dγ = Σ_rows dy ⊙ h.
    public static func rmsNormBackward(
        _ x: [Double], gamma: [Double], dy: [Double], reciprocal: [Double]
    ) -> (dx: [Double], dgamma: [Double]) {
        let width = gamma.count
        var dx: [Double] = []
        var dgamma = [Double](repeating: 0, count: width)
        for (i, start) in stride(from: 0, to: x.count, by: max(width, 1)).enumerated() {
            let h = x[start..<start + width].map { $0 * reciprocal[i] }
            let d = zip(dy[start..<start + width], gamma).map { $0 * $1 }
            let projection = zip(d, h).reduce(0) { $0 + $1.0 * $1.1 } / Double(width)
            dx += zip(d, h).map { reciprocal[i] * ($0 - $1 * projection) }
            for j in 0..<width { dgamma[j] += dy[start + j] * h[j] }
        }
        return (dx, dgamma)
    }
}
