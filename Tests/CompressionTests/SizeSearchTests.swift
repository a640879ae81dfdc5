import Compression
import Foundation
import Tensors
import Testing

@Suite("Search for sizes within a budget")
struct SizeSearchTests {
    /// Costs are whole numbers, so that steps of the table can hold them exactly.
    private func blocks(_ seed: UInt64) -> [[SizeSearch.Option]] {
        (0..<4).map { block in
            let key = RandomKey(seed).mixed(block)
            let scores = (0..<3).map { key.uniform($0) }
            let each = 1 + Double(key.bits(9) % 5)
            return SizeSearch.options(scores: scores, sizes: [0, 1, 2, 3]) { Double($0) * each }
        }
    }

    private func every(_ blocks: [[SizeSearch.Option]]) -> [(cost: Double, loss: Double)] {
        blocks.reduce([(0, 0)]) { sums, options in
            sums.flatMap { sum in options.map { (sum.0 + $0.cost, sum.1 + $0.loss) } }
        }
    }

    /// scikit-learn 1.9.1 gives the same (`IsotonicRegression().fit_transform`).
    @Test("Measured costs are pooled where they fall")
    func monotone() {
        for (measured, expected) in [
            ([1, 2, 2, 5], [1, 2, 2, 5]), ([1, 4, 2, 3, 5, 4], [1, 3, 3, 3, 4.5, 4.5]), ([3, 2, 1], [2, 2, 2]),
            ([7], [7]),
            ([], []), ([9, 1, 2, 3], [3.75, 3.75, 3.75, 3.75]), ([0, 6, 1, 1, 8], [0, 8.0 / 3, 8.0 / 3, 8.0 / 3, 8]),
        ] as [([Double], [Double])] {
            let found = SizeSearch.monotone(measured)
            #expect(found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) < 1e-12 })
        }
    }

    @Test("The best choice within a budget is what trying all of them finds", arguments: [1, 2, 3, 4] as [UInt64])
    func best(seed: UInt64) throws {
        let blocks = blocks(seed)
        let search = SizeSearch(blocks: blocks, resolution: 3000)
        let all = every(blocks)
        for budget in [search.largestCost, 30, 20, 10, 3, 1].filter({ $0 <= search.largestCost }) {
            let expected = try #require(all.filter { $0.cost <= budget }.map(\.loss).min())
            let found = try #require(search.best(within: budget))
            #expect(abs(found.loss - expected) < 1e-9, "budget \(budget)")
            #expect(found.cost <= budget + 1e-9)
            let (cost, loss) = zip(blocks, found.units).reduce((0.0, 0.0)) { sum, block in
                let option = block.0.first { $0.units == block.1 }!
                return (sum.0 + option.cost, sum.1 + option.loss)
            }
            #expect(abs(cost - found.cost) < 1e-9 && abs(loss - found.loss) < 1e-9)
        }
    }

    @Test("A budget below the cheapest choice has none")
    func none() {
        let search = SizeSearch(blocks: [[.init(units: 1, cost: 4, loss: 0)], [.init(units: 1, cost: 3, loss: 0)]])
        #expect(search.best(within: 6) == nil && search.best(within: 7)?.units == [1, 1])
        #expect(search.smallestCost == 7 && search.largestCost == 7)
    }

    @Test("On the front every dearer model loses less, and the whole model loses nothing")
    func front() {
        let front = SizeSearch(blocks: blocks(5)).front(8)
        #expect(front.count > 3)
        for (a, b) in zip(front, front.dropFirst()) { #expect(a.cost < b.cost && a.loss > b.loss) }
        #expect(front.last?.loss == 0 && front.last?.units == [3, 3, 3, 3])
        #expect(front.first?.units == [0, 0, 0, 0])
    }

    @Test("A block's units go in the order of their scores")
    func options() {
        let options = SizeSearch.options(scores: [3, 1, 2], sizes: [3, 1, 5], cost: Double.init)
        #expect(options == [.init(units: 1, cost: 1, loss: 3), .init(units: 3, cost: 3, loss: 0)])
    }
}
