import Tensors
import Testing

@Suite("Tensor, tape and threads")
struct TapeTests {
    @Test("A copy keeps its values when the original is written to")
    func valueSemantics() {
        var a = Tensor([1, 2, 3], shape: [3])
        let b = a
        a.withUnsafeMutableBufferPointer { $0[0] = 9 }
        #expect(a.values == [9, 2, 3])
        #expect(b.values == [1, 2, 3])
        let reshaped = a.reshaped([1, 3])
        a.add(b, scaledBy: 2)
        #expect(a.values == [11, 6, 9])
        #expect(reshaped.values == [9, 2, 3])
    }

    @Test("Released storage is used again")
    func recycling() {
        func address() -> UnsafePointer<Float>? {
            Tensor(zeros: [1_234_567]).withUnsafeBufferPointer { $0.baseAddress }
        }
        let first = address()
        #expect(address() == first)
    }

    @Test("Constants get no gradient, and what follows from them alone is not recorded")
    func constants() {
        let tape = Tape()
        let constant = Variable(constant: Tensor([1, 2], shape: [1, 2]))
        #expect(!tape.gelu(constant).needsGradient)
        let buffer = GradientBuffer(shape: [1, 2])
        let leaf = tape.leaf(Tensor([3, 4], shape: [1, 2]), gradient: buffer)
        let sum = tape.add(leaf, constant)
        #expect(sum.needsGradient)
        tape.backward(from: sum)
        #expect(buffer.value.values == [1, 1])
    }

    @Test("Gradients of two backward passes add up until they are cleared")
    func accumulation() {
        let buffer = GradientBuffer(shape: [2])
        for _ in 0..<2 {
            let tape = Tape()
            tape.backward(from: tape.leaf(Tensor([1, 2], shape: [2]), gradient: buffer))
        }
        #expect(buffer.value.values == [2, 2])
        buffer.clear()
        #expect(buffer.value.values == [0, 0])
    }

    @Test("Weight gradients of two passes add up, and the first pass after clearing writes over what was there")
    func weightAccumulation() {
        let (x, w) = (tensor([3, 5], "x"), tensor([4, 5], "w"))
        let buffer = GradientBuffer(shape: [4, 5])
        func pass() -> [Float] {
            let tape = Tape()
            let y = tape.linear(Variable(constant: x), weight: tape.leaf(w, gradient: buffer), bias: nil)
            tape.backward(from: y, seed: tensor([3, 4], "seed"))
            return buffer.value.values
        }
        let once = pass()
        #expect(pass() == once.map { $0 + $0 })
        buffer.clear()
        #expect(pass() == once)
    }

    @Test("A checkpoint gives the same values and gradients, bit by bit")
    func checkpoint() {
        func run(checkpointing: Bool) -> [[Float]] {
            let tape = Tape(checkpointing: checkpointing)
            let (x, weight) = (tensor([3, 5], "x"), tensor([5, 5], "w"))
            let buffers = [GradientBuffer(shape: [3, 5]), GradientBuffer(shape: [5, 5])]
            let leaf = tape.gelu(tape.leaf(x, gradient: buffers[0]))
            let keys = DropoutKeys(rows: [1, 2, 3])
            let y = tape.checkpoint(leaf) { x, tape in
                let weight = tape.leaf(weight, gradient: buffers[1])
                let dropped = tape.dropout(x, probability: 0.4, keys: keys, salt: 1)
                return tape.add(x, tape.linear(dropped, weight: weight, bias: nil, activation: .gelu))
            }
            tape.backward(from: tape.gelu(y), seed: tensor([3, 5], "seed"))
            return [y.value.values] + buffers.map(\.value.values)
        }
        #expect(run(checkpointing: true) == run(checkpointing: false))
    }

    @Test("A watched value's gradient is kept; one that was not reached is zero")
    func watching() throws {
        let tape = Tape()
        let leaf = tape.leaf(Tensor([3, 4], shape: [1, 2]), gradient: GradientBuffer(shape: [1, 2]))
        let (used, unused) = (tape.add(leaf, leaf), tape.gelu(leaf))
        tape.watch(used)
        tape.watch(unused)
        tape.backward(from: tape.add(used, used))
        #expect(try #require(tape.gradient(of: used)).values == [2, 2])
        #expect(try #require(tape.gradient(of: unused)).values == [0, 0])
        #expect(tape.gradient(of: leaf) == nil)
    }

    @Test("A chain of 100,000 operations is walked and released without recursion")
    func deepChain() {
        let buffer = GradientBuffer(shape: [1, 1])
        let tape = Tape()
        var x = tape.leaf(Tensor([0], shape: [1, 1]), gradient: buffer)
        let one = Variable(constant: Tensor([1], shape: [1, 1]))
        for _ in 0..<100_000 { x = tape.add(x, one) }
        tape.backward(from: x)
        #expect(x.value.scalar == 100_000)
        #expect(buffer.value.scalar == 1)
    }

    @Test("A tape that does not record computes the same")
    func inference() {
        let x = tensor([3, 5], "x")
        let recorded = Tape()
        let leaf = recorded.leaf(x, gradient: GradientBuffer(shape: x.shape))
        let free = Tape(recording: false)
        #expect(recorded.gelu(leaf).value.values == free.gelu(Variable(constant: x)).value.values)
    }

    @Test("Chunks cover every item once, whatever the number")
    func chunks() {
        for count in [0, 1, 2, 7, 1000] {
            var seen = [Int](repeating: 0, count: count)
            seen.withUnsafeMutableBufferPointer { seen in
                nonisolated(unsafe) let seen = seen
                Threads.forEachChunk(of: count, grain: 1) { for item in $0 { seen[item] += 1 } }
            }
            #expect(seen.allSatisfy { $0 == 1 })
        }
    }
}
