import Tensors
import Testing

/// Gradients of single rows of a table must add up, and be applied, as if the table's whole gradient were there.
@Suite("Gradients of the rows of a table")
struct GradientBufferTests {
    private enum Gradient {
        case rows([Int32], String)
        case dense(String)
    }

    /// Puts gradients into a buffer through the tape, and adds them up in an array.
    private func fill(_ buffer: GradientBuffer, _ gradients: [Gradient]) -> [Float] {
        let (rows, width) = (buffer.shape[0], buffer.shape[1])
        var sums = [Float](repeating: 0, count: rows * width)
        for gradient in gradients {
            let tape = Tape()
            let table = tape.leaf(Tensor(zeros: buffer.shape), gradient: buffer)
            switch gradient {
            case .rows(let ids, let name):
                let seed = tensor([ids.count, width], name)
                tape.backward(from: tape.embedding(table, ids: ids), seed: seed)
                for (row, id) in ids.enumerated() {
                    for column in 0..<width { sums[Int(id) * width + column] += seed.values[row * width + column] }
                }
            case .dense(let name):
                let seed = tensor(buffer.shape, name)
                tape.backward(from: table, seed: seed)
                for index in sums.indices { sums[index] += seed.values[index] }
            }
        }
        return sums
    }

    private static let sequences: [[Gradient]] = [
        [.rows([4, 1, 4], "a")],
        [.rows([4, 1, 4], "a"), .rows([1, 0], "b")],
        [.rows([4, 1], "a"), .dense("b")],
        [.rows([4, 1], "a"), .dense("b"), .rows([4, 3], "c")],
        [.dense("a"), .rows([2], "b")],
        [.rows([], "a")],
        [],
    ]

    @Test("add up with those of the whole table, in any order, again after clearing", arguments: sequences.indices)
    func sums(index: Int) {
        let buffer = GradientBuffer(shape: [6, 3])
        for _ in 0..<2 {
            // Several passes add one by one, so the order of the roundings is the same: equal, not only close.
            let expected = fill(buffer, Self.sequences[index])
            let squares = Reference.sumOfSquares(expected.doubles)
            #expect(abs(buffer.sumOfSquares - squares) <= 1e-13 * squares)
            // What has not arrived is zero.
            let arrived = buffer.withArrivedValues { $0.filter { $0 != 0 }.sorted() }
            #expect(arrived == expected.filter { $0 != 0 }.sorted())
            #expect(buffer.value.values == expected)
            #expect(abs(buffer.sumOfSquares - squares) <= 1e-13 * squares)
            buffer.clear()
            #expect(buffer.sumOfSquares == 0 && buffer.value.values.allSatisfy { $0 == 0 })
            buffer.clear()
        }
    }

    @Test("move the weights as the whole gradient does, and rows without one by their moments")
    func adamW() {
        func run(dense: Bool) -> [[Float]] {
            var (weight, first, second) = (tensor([6, 5], "w"), Tensor(zeros: [6, 5]), Tensor(zeros: [6, 5]))
            let buffer = GradientBuffer(shape: [6, 5])
            for (step, ids) in [[4, 1, 4], [0, 1], [], [5]].enumerated() {
                _ = fill(buffer, [.rows(ids.map(Int32.init), "step \(step)")])
                if dense { buffer.value = buffer.value }
                weight.applyAdamW(
                    gradient: buffer, first: &first, second: &second, gradientScale: 0.5, learningRate: 0.01,
                    beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1, step: step + 1)
                buffer.clear()
            }
            return [weight, first, second].map(\.values)
        }
        #expect(run(dense: false) == run(dense: true))
    }
}
