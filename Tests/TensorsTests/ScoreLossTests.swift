import Tensors
import Testing

@Suite("A loss over scores within sequences")
struct ScoreLossTests {
    /// 70 positions are more than one block of rows; heads of 5 and 3 fill no panel.
    private let lengths = [3, 70, 1, 17]
    private let heads = 2
    private var offsets: SequenceOffsets { SequenceOffsets(lengths: lengths) }
    private var teacher: (a: Tensor, b: Tensor) { (tensor([91, 6], "teacher a"), tensor([91, 6], "teacher b")) }

    /// f(s, t) = Σ s²·(2 + t) / n: every score has a gradient of its own.
    private static func loss(_ s: ScoreRow, _ t: ScoreRow) -> Double {
        var sum = 0.0
        for i in s.indices {
            let weight = (2 + t[i]) / Float(s.count)
            sum += Double(s[i] * s[i] * weight)
            s[i] *= 2 * weight
        }
        return sum
    }

    private func scores(_ a: [Double], _ b: [Double], _ rows: Range<Int>, _ head: Int, _ i: Int, _ j: Int) -> Double {
        let width = a.count / offsets.rows
        let size = width / heads
        let columns = head * size..<(head + 1) * size
        let (left, right) = ((rows.lowerBound + i) * width, (rows.lowerBound + j) * width)
        return columns.reduce(0) { $0 + a[left + $1] * b[right + $1] } / Double(size).squareRoot()
    }

    private func reference(_ a: [Double], _ b: [Double]) -> Double {
        let (ta, tb) = (teacher.a.values.doubles, teacher.b.values.doubles)
        var sum = 0.0
        for sequence in 0..<offsets.count {
            let rows = offsets[sequence]
            for head in 0..<heads {
                for i in 0..<rows.count {
                    for j in 0..<rows.count {
                        let (s, t) = (scores(a, b, rows, head, i, j), scores(ta, tb, rows, head, i, j))
                        sum += s * s * (2 + t) / Double(rows.count)
                    }
                }
            }
        }
        return sum
    }

    /// Checks loss and gradients of scaled inputs, so that the sum is near 1.
    private func check(_ names: [String], _ run: (Tape, [Variable]) -> Variable, _ reference: ([[Double]]) -> Double) {
        let inputs = names.map { name in tensor([91, 10], name).scaled(by: 0.1) }
        let (tape, buffers) = (Tape(), inputs.map { GradientBuffer(shape: $0.shape) })
        let result = run(tape, zip(inputs, buffers).map { tape.leaf($0, gradient: $1) })
        tape.backward(from: result, seed: Tensor([3], shape: [1]))
        let point = inputs.map(\.values.doubles)
        let expected = reference(point)
        #expect(abs(Double(result.value.scalar) - expected) < 1e-6 * abs(expected))
        for (index, buffer) in buffers.enumerated() {
            var largest = 0.0
            // One element in 61: each costs two passes over all scores.
            for element in stride(from: index, to: 910, by: 61) {
                var (above, below) = (point, point)
                above[index][element] += 1e-5
                below[index][element] -= 1e-5
                let numeric = 3 * (reference(above) - reference(below)) / 2e-5
                largest = max(largest, abs(numeric))
                #expect(
                    abs(Double(buffer.value.values[element]) - numeric) < 1e-6, "\(names[index]), element \(element)")
            }
            #expect(largest > 0.002)
        }
    }

    @Test("has the value and the gradients of its formula, for two operands")
    func operands() {
        check(["a", "b"]) { tape, x in
            tape.scoreLoss(x[0], x[1], teacher: teacher, heads: heads, offsets: offsets, loss: Self.loss)
        } _: {
            reference($0[0], $0[1])
        }
    }

    @Test("adds up both gradients where the operands are one")
    func oneOperand() {
        check(["a"]) { tape, x in
            tape.scoreLoss(x[0], teacher: teacher, heads: heads, offsets: offsets, loss: Self.loss)
        } _: {
            reference($0[0], $0[0])
        }
    }

    @Test("is the same, bit by bit, where no gradient is needed")
    func constants() {
        func run(_ tape: Tape) -> Float {
            let x = tape.leaf(tensor([91, 10], "a"), gradient: GradientBuffer(shape: [91, 10]))
            return tape.scoreLoss(x, teacher: teacher, heads: heads, offsets: offsets, loss: Self.loss).value.scalar
        }
        #expect(run(Tape()) == run(Tape(recording: false)))
    }
}
