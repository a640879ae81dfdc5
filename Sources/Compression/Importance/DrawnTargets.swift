import Foundation
import Tensors

/// What ∂L/∂output is for an example, as often as the loss's target is drawn.
///
/// With labels there is one target. Without, targets are drawn from the model's own distribution p: the gradient of
/// KL(p ‖ q) at q = p is zero, so a first-order criterion says nothing there; the divergence's second-order term is the
/// Fisher information, E_{y∼p}(∂ log p(y)/∂ξ)², of which such draws are an estimate without bias (Kunstner, Balles, Hennig
/// 2019, arXiv 1905.12558, tell it from the one with labels). Of each row `count` outcomes are drawn systematically
/// (u + j/count for one uniform u), so that a sure model costs one pass. Points are drawn normally with deviation 1, whose
/// divergence is half of the squared distance.
struct DrawnTargets {
    /// One target of an example: its share, and ∂L/∂output for the example's rows.
    struct Target {
        let weight: Double
        let seed: [Float]
    }

    /// Targets of an example that are drawn where none is given.
    static let count = 4

    /// The targets of one example.
    ///
    /// - Parameters:
    ///   - values: the example's rows of the output, row-major.
    ///   - classes: the class of each row, −1 for none; nil: drawn.
    static func targets(
        of values: [Float], width: Int, outputs: ModelTrace.Outputs, classes: [Int32]?, key: RandomKey
    ) -> [Target] {
        switch outputs {
        case .points:
            return (0..<count).map { draw in
                let own = key.mixed(draw)
                return Target(weight: 1 / Double(count), seed: values.indices.map { Float(own.normal($0)) })
            }
        case .distributions:
            let rows = (0..<values.count / width).map { probabilities(values[$0 * width..<($0 + 1) * width]) }
            if let classes {
                let count = Double(max(1, classes.count { $0 >= 0 }))
                return [Target(weight: 1, seed: seed(rows, classes, share: 1 / count))]
            }
            // The divergence of an example is the mean of its rows'. Draws of different rows are independent, so that the
            // square of their sum over √N has the mean of the rows' squares for its expectation.
            let share = 1 / Double(max(1, rows.count)).squareRoot()
            var drawn: [[Int32]: Int] = [:]
            for draw in 0..<count {
                let outcome = rows.enumerated().map { row, p in
                    let shifted = key.uniform(row) + Double(draw) / Double(count)
                    return pick(p, at: shifted < 1 ? shifted : shifted - 1)
                }
                drawn[outcome, default: 0] += 1
            }
            return drawn.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { outcome, times in
                Target(weight: Double(times) / Double(count), seed: seed(rows, outcome, share: share))
            }
        }
    }

    /// share · (softmax(z) − e_y) in each row that has a class.
    private static func seed(_ rows: [[Double]], _ classes: [Int32], share: Double) -> [Float] {
        zip(rows, classes).flatMap { p, label in
            p.enumerated().map { index, p in
                label < 0 ? 0 : Float((p - (index == Int(label) ? 1 : 0)) * share)
            }
        }
    }

    static func probabilities(_ logits: ArraySlice<Float>) -> [Double] {
        let largest = Double(logits.max() ?? 0)
        let powers = logits.map { exp(Double($0) - largest) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }

    private static func pick(_ p: [Double], at position: Double) -> Int32 {
        var sum = 0.0
        for (index, p) in p.enumerated() {
            sum += p
            if position < sum { return Int32(index) }
        }
        return Int32(p.count - 1)
    }
}
