/// Finds the sizes of all layers that lose least within a budget: a knapsack over the layers' attention and feed-forward
/// blocks, each of which is kept at one of several sizes.
public struct SizeSearch: Sendable {
    /// A size that a block can be kept at.
    public struct Option: Equatable, Sendable {
        /// Units that stay.
        public let units: Int
        /// What the block costs then, in any unit that adds up.
        public let cost: Double
        /// What is lost: the sum of the scores of the units that go.
        public let loss: Double

        public init(units: Int, cost: Double, loss: Double) {
            self.units = units
            self.cost = cost
            self.loss = loss
        }
    }

    /// A choice for every block.
    public struct Choice: Equatable, Sendable {
        public let units: [Int]
        public let cost: Double
        public let loss: Double
    }

    /// Each block's options.
    public let blocks: [[Option]]
    /// Steps that the cost is counted in.
    private let resolution: Int

    /// - Parameter blocks: each with at least one option; costs and losses finite and not negative.
    public init(blocks: [[Option]], resolution: Int = 2000) {
        precondition(
            blocks.allSatisfy { options in
                !options.isEmpty && options.allSatisfy { $0.cost >= 0 && $0.cost.isFinite && $0.loss.isFinite }
            } && resolution > 0, "SizeSearch: a block without options, or a cost that is none")
        self.blocks = blocks
        self.resolution = resolution
    }

    /// Options of a block whose units go in the order of their scores.
    ///
    /// - Parameters:
    ///   - scores: of the block's units.
    ///   - sizes: numbers of units that may stay.
    ///   - cost: of a block with so many units.
    public static func options(scores: [Double], sizes: [Int], cost: (Int) -> Double) -> [Option] {
        let sorted = scores.sorted()
        return Set(sizes.filter { (0...scores.count).contains($0) }).sorted().map { units in
            Option(units: units, cost: cost(units), loss: sorted.prefix(scores.count - units).reduce(0, +))
        }
    }

    /// The nearest numbers that nowhere fall, in the mean square: neighbours that do are replaced by their mean (isotonic
    /// regression by pooling adjacent violators; Ayer et al. 1955, doi 10.1214/aoms/1177728423).
    public static func monotone(_ values: [Double]) -> [Double] {
        var pools: [(sum: Double, count: Int)] = []
        for value in values {
            pools.append((value, 1))
            while pools.count > 1 {
                let (last, before) = (pools[pools.count - 1], pools[pools.count - 2])
                guard last.sum / Double(last.count) < before.sum / Double(before.count) else { break }
                pools.removeLast(2)
                pools.append((last.sum + before.sum, last.count + before.count))
            }
        }
        return pools.flatMap { Array(repeating: $0.sum / Double($0.count), count: $0.count) }
    }

    /// The cost of the cheapest choice.
    public var smallestCost: Double { blocks.reduce(0) { $0 + ($1.map(\.cost).min() ?? 0) } }
    /// The cost of keeping the most of every block.
    public var largestCost: Double {
        blocks.reduce(0) { sum, options in sum + (options.max { $0.units < $1.units }?.cost ?? 0) }
    }

    /// The choice that loses least and costs at most `budget`, of those that steps of the cost tell apart; nil if the
    /// cheapest costs more.
    public func best(within budget: Double) -> Choice? {
        Self.best(of: choices(upTo: budget), within: budget)
    }

    /// The choices that no other beats in both cost and loss, from the cheapest to the dearest.
    ///
    /// - Parameter count: budgets that are looked at, evenly spaced between the cheapest choice and the whole model.
    public func front(_ count: Int) -> [Choice] {
        precondition(count > 1, "SizeSearch.front: \(count) points")
        let (low, high) = (smallestCost, largestCost)
        let choices = choices(upTo: high)
        let candidates = (0..<count).compactMap { point in
            Self.best(of: choices, within: low + (high - low) * Double(point) / Double(count - 1))
        }
        var front: [Choice] = []
        for choice in candidates.sorted(by: { ($0.cost, $0.loss) < ($1.cost, $1.loss) })
        where choice.loss < front.last?.loss ?? .infinity {
            front.append(choice)
        }
        return front
    }

    private static func best(of choices: [Choice], within budget: Double) -> Choice? {
        choices.filter { $0.cost <= budget * (1 + 1e-9) }.min { $0.loss < $1.loss }
    }

    /// The choice that loses least for each step of the cost up to a budget, and a little above: costs are rounded to the
    /// nearest step, block by block.
    private func choices(upTo budget: Double) -> [Choice] {
        let step = budget > 0 ? budget / Double(resolution) : 1
        let last = resolution + blocks.count
        var best: [(loss: Double, cost: Double)?] = Array(repeating: nil, count: last + 1)
        best[0] = (0, 0)
        var picks: [[Int]] = []
        for options in blocks {
            var next: [(loss: Double, cost: Double)?] = Array(repeating: nil, count: last + 1)
            var pick = Array(repeating: -1, count: last + 1)
            for (index, option) in options.enumerated() where option.cost <= budget * (1 + 1e-9) {
                let steps = min(Int((option.cost / step).rounded()), last)
                for place in steps...last {
                    guard let before = best[place - steps] else { continue }
                    let loss = before.loss + option.loss
                    if loss < next[place]?.loss ?? .infinity {
                        next[place] = (loss, before.cost + option.cost)
                        pick[place] = index
                    }
                }
            }
            best = next
            picks.append(pick)
        }
        return best.indices.compactMap { place in
            best[place].map { found in
                Choice(units: units(picks, endingAt: place, step: step), cost: found.cost, loss: found.loss)
            }
        }
    }

    private func units(_ picks: [[Int]], endingAt end: Int, step: Double) -> [Int] {
        var place = end
        var units: [Int] = []
        for (options, pick) in zip(blocks, picks).reversed() {
            let option = options[pick[place]]
            units.append(option.units)
            place -= Int((option.cost / step).rounded())
        }
        return units.reversed()
    }
}
