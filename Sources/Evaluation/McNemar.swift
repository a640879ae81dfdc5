import Foundation

/// Questions about two models on the same rows, answered from the rows on which only one of them is right.
public enum McNemar {
    /// The exact two-sided p-value of `lost` against `won`: min(1, 2·P(X ≤ min)), X ~ Binomial(lost + won, ½).
    ///
    /// McNemar 1947 (Psychometrika 12:153), the binomial form; 1 when no row tells the models apart.
    public static func exactP(lost: Int, won: Int) -> Double {
        precondition(lost >= 0 && won >= 0, "\(lost) lost, \(won) won")
        let n = lost + won
        let smaller = min(lost, won)
        // log C(n, k) − n log 2 by its recurrence: 2⁻ⁿ itself leaves Double's range at n = 1,075.
        var term = -Double(n) * log(2.0)
        var sum = exp(term)
        for k in 0..<smaller {
            term += log(Double(n - k) / Double(k + 1))
            sum += exp(term)
        }
        return min(1, 2 * sum)
    }

    /// The smallest difference in accuracy that this comparison finds with 80 % power at α = 0.05, two-sided.
    ///
    /// Solves √n·δ = z₀.₉₇₅·√ψ + z₀.₈₀·√(ψ − δ²) for δ, ψ being the share of discordant rows (Connor 1987, Biometrics
    /// 43:207, after Miettinen 1968). ψ is the observed `discordant / rows`, but never less than δ itself, because a
    /// difference of δ needs that many discordant rows. 1 when even the largest difference would not be found.
    public static func minimumDetectableEffect(discordant: Int, rows: Int) -> Double {
        precondition(rows > 0 && (0...rows).contains(discordant), "\(discordant) of \(rows) rows")
        let n = Double(rows)
        let observed = Double(discordant) / n
        func shortfall(_ effect: Double) -> Double {
            let discordance = max(observed, effect)
            let spread = max(0, discordance - effect * effect).squareRoot()
            return NormalQuantile.p975 * discordance.squareRoot() + NormalQuantile.p80 * spread - n.squareRoot()
                * effect
        }
        guard shortfall(1) < 0 else { return 1 }
        var low = 0.0
        var high = 1.0
        // 60 halvings leave an interval below Double's resolution of any share of interest.
        for _ in 0..<60 {
            let middle = (low + high) / 2
            if shortfall(middle) > 0 { low = middle } else { high = middle }
        }
        return high
    }
}
