import Foundation
public import Tensors

/// How the next token is chosen from a decoder's logits.
public struct Sampling: Sendable, Equatable {
    /// Logits are divided by it; 0 takes the likeliest token.
    public var temperature: Double
    /// Only the k likeliest tokens are considered; 0 considers all.
    public var topK: Int
    /// Only the fewest likeliest tokens whose probabilities reach this are considered (Holtzman et al. 2020,
    /// arXiv 1904.09751); 1 considers all.
    public var topP: Double
    public var seed: UInt64

    public init(temperature: Double = 0, topK: Int = 0, topP: Double = 1, seed: UInt64 = 0) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.seed = seed
    }

    /// The likeliest token every time.
    public static let greedy = Sampling()

    /// Chooses a token.
    ///
    /// Of equally likely tokens the one with the smaller id comes first. The draw depends on the seed, the sample and the
    /// position alone.
    ///
    /// - Parameters:
    ///   - logits: [V], none NaN.
    ///   - sample: which text is being continued.
    ///   - position: how many tokens it has.
    public func choose(_ logits: Tensor, sample: Int, position: Int) -> Int32 {
        logits.withUnsafeBufferPointer { logits in
            guard temperature > 0 else { return Self.best(logits) }
            var candidates = Self.likeliest(topK > 0 ? min(topK, logits.count) : logits.count, of: logits)
            let largest = Double(logits[Int(candidates[0])])
            var weights = candidates.map { exp((Double(logits[Int($0)]) - largest) / temperature) }
            if topP < 1 {
                let total = weights.reduce(0, +)
                var (sum, count) = (0.0, 0)
                while count < weights.count, sum < topP * total {
                    sum += weights[count]
                    count += 1
                }
                candidates.removeLast(candidates.count - max(count, 1))
                weights.removeLast(weights.count - candidates.count)
            }
            let key = RandomKey(seed).mixed("sampling").mixed(sample)
            var rest = key.uniform(position) * weights.reduce(0, +)
            for (candidate, weight) in zip(candidates, weights) {
                rest -= weight
                if rest < 0 { return candidate }
            }
            return candidates[candidates.count - 1]
        }
    }

    private static func best(_ logits: UnsafeBufferPointer<Float>) -> Int32 {
        var best = 0
        for index in 1..<max(logits.count, 1) where logits[index] > logits[best] { best = index }
        return Int32(best)
    }

    /// The ids of the `count` largest logits, largest first.
    private static func likeliest(_ count: Int, of logits: UnsafeBufferPointer<Float>) -> [Int32] {
        func precedes(_ a: Int32, _ b: Int32) -> Bool {
            let (x, y) = (logits[Int(a)], logits[Int(b)])
            return x == y ? a < b : x > y
        }
        let all = (0..<Int32(logits.count))
        guard count < logits.count else { return all.sorted(by: precedes) }
        // What is below the k-th largest value so far is left aside at once; the rest is few.
        var kept: [Int32] = []
        var threshold = -Float.infinity
        for id in all where logits[Int(id)] > threshold || kept.count < count {
            kept.append(id)
            if kept.count >= 4 * count {
                kept.sort(by: precedes)
                kept.removeLast(kept.count - count)
                threshold = logits[Int(kept[count - 1])]
            }
        }
        return Array(kept.sorted(by: precedes).prefix(count))
    }
}
