import Dispatch
import Foundation
import Tensors
import Testing

@Suite("Threads")
struct ThreadsTests {
    /// How often each index of a region ran, counted in memory that the region's iterations share.
    private func counts(_ count: Int, _ run: (UnsafeMutablePointer<Int>) -> Void) -> [Int] {
        let memory = UnsafeMutablePointer<Int>.allocate(capacity: max(count, 1))
        memory.initialize(repeating: 0, count: max(count, 1))
        defer { memory.deallocate() }
        run(memory)
        return Array(UnsafeBufferPointer(start: memory, count: count))
    }

    @Test("every index runs once, region after region, whether the threads still wait or sleep by then")
    func everyIndex() {
        for pause in [0, 0.02] {
            for repetition in 0..<(pause == 0 ? 3000 : 10) {
                let count = [0, 1, 2, 3, 7, 64][repetition % 6]
                let found = counts(count) { memory in
                    nonisolated(unsafe) let memory = memory
                    Threads.forEach(count) { memory[$0] += 1 }
                }
                #expect(found == [Int](repeating: 1, count: count))
                // Long enough for the threads to fall asleep, which is what is tested.
                if pause > 0 { Thread.sleep(forTimeInterval: pause) }
            }
        }
    }

    @Test("chunks cover everything once")
    func chunks() {
        for (count, grain) in [(0, 1), (1, 1), (5, 2), (1000, 3), (1000, 600)] {
            let found = counts(count) { memory in
                nonisolated(unsafe) let memory = memory
                Threads.forEachChunk(of: count, grain: grain) { range in for index in range { memory[index] += 1 } }
            }
            #expect(found == [Int](repeating: 1, count: count))
        }
    }

    @Test("a region inside of a region, and regions of several threads at once, run to the end")
    func nested() {
        let (outer, inner, callers) = (4, 5, 8)
        let found = counts(callers * outer * inner) { memory in
            nonisolated(unsafe) let memory = memory
            DispatchQueue.concurrentPerform(iterations: callers) { caller in
                for _ in 0..<200 {
                    Threads.forEach(outer) { i in
                        Threads.forEach(inner) { j in memory[(caller * outer + i) * inner + j] += 1 }
                    }
                }
            }
        }
        #expect(found == [Int](repeating: 200, count: callers * outer * inner))
    }
}
