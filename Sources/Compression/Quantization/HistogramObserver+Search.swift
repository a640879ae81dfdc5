import Foundation

extension HistogramObserver {
    /// What a range is judged by.
    enum Criterion {
        /// Σ (x − x̂)², x̂ being x as it comes back from the range's 8-bit grid, clipped values included.
        case squaredError
        /// KL(P ‖ Q) of the distribution clipped at the range's ends against what its 256 levels keep of it: the mass
        /// that fell on a level, spread over the bins of it that hold any (Migacz 2017, 8-bit inference with TensorRT).
        case divergence
    }

    /// The range that is best by the criterion: both ends in 16 steps from the extremes towards zero, then each in turn in
    /// 64 steps, the other one held, until neither moves, at most four times. Of equals the wider one.
    func best(by criterion: Criterion) -> ClosedRange<Float> {
        let ends = (low: min(range.lowerBound, 0), high: max(range.upperBound, 0))
        var chosen = (low: ends.low, high: ends.high)
        let filled = filledBins
        func cost(_ low: Float, _ high: Float) -> Double {
            switch criterion {
            case .squaredError: squaredError(filled, low, high)
            case .divergence: divergence(filled, low, high)
            }
        }
        func shrunk(_ end: Float, _ steps: Int = 64) -> [Float] {
            end == 0 ? [0] : (0..<steps).map { end * (Float(steps - $0) / Float(steps)) }
        }
        var least = cost(chosen.low, chosen.high)
        for low in shrunk(ends.low, 16) {
            for high in shrunk(ends.high, 16) {
                let own = cost(low, high)
                if own < least { (least, chosen) = (own, (low, high)) }
            }
        }
        for _ in 0..<4 {
            let before = chosen
            if ends.high > 0 {
                chosen.high = Self.first(of: shrunk(ends.high)) { cost(chosen.low, $0) }
            }
            if ends.low < 0 {
                chosen.low = Self.first(of: shrunk(ends.low)) { cost($0, chosen.high) }
            }
            if chosen == before { break }
        }
        return chosen.low...chosen.high
    }

    /// The middle of each bin that holds values, and how many.
    private var filledBins: [(value: Float, count: Double)] {
        counts.enumerated().filter { $0.element > 0 }.map { index, count in
            (range.lowerBound + (Float(index) + 0.5) * binWidth, Double(count))
        }
    }

    /// The first candidate with the least cost.
    private static func first(of candidates: [Float], _ cost: (Float) -> Double) -> Float {
        var best = (candidates[0], cost(candidates[0]))
        for candidate in candidates.dropFirst() {
            let own = cost(candidate)
            if own < best.1 { best = (candidate, own) }
        }
        return best.0
    }

    private func squaredError(_ bins: [(value: Float, count: Double)], _ low: Float, _ high: Float) -> Double {
        let scale = high / 255 - low / 255
        let zero = (-low / scale).rounded()
        return bins.reduce(0) { sum, bin in
            let level = min(max((bin.value / scale).rounded() + zero, 0), 255)
            let error = Double((level - zero) * scale - bin.value)
            return sum + bin.count * error * error
        }
    }

    private func divergence(_ bins: [(value: Float, count: Double)], _ low: Float, _ high: Float) -> Double {
        let scale = high / 255 - low / 255
        let inside = bins.filter { (low...high).contains($0.value) }
        guard var clipped = Optional(inside.map(\.count)), !inside.isEmpty else { return .infinity }
        // What lies beyond the ends is read as the ends.
        clipped[0] += bins.prefix { $0.value < low }.reduce(0) { $0 + $1.count }
        clipped[clipped.count - 1] += bins.reversed().prefix { $0.value > high }.reduce(0) { $0 + $1.count }
        let zero = (-low / scale).rounded()
        var (mass, members) = ([Double](repeating: 0, count: 256), [Double](repeating: 0, count: 256))
        let levels = inside.map { Int(min(max(($0.value / scale).rounded() + zero, 0), 255)) }
        for (level, bin) in zip(levels, inside) {
            mass[level] += bin.count
            members[level] += 1
        }
        let (all, kept) = (clipped.reduce(0, +), mass.reduce(0, +))
        return zip(levels, clipped).reduce(0) { sum, entry in
            let p = entry.1 / all
            let q = mass[entry.0] / members[entry.0] / kept
            return sum + p * log(p / q)
        }
    }
}
