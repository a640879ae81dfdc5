import Foundation
import Synchronization
import Tensors
import Testing

@Suite("Parallel regions")
struct ThreadsTests {
    /// How often each index was met.
    private func visits(_ count: Int) -> [Int] {
        var seen = [Int](repeating: 0, count: count)
        seen.withUnsafeMutableBufferPointer { seen in
            nonisolated(unsafe) let seen = seen
            Threads.forEach(count) { seen[$0] += 1 }
        }
        return seen
    }

    @Test("meet every index once, whatever their number")
    func everyIndex() {
        for count in [0, 1, 2, 3, 7, 1000] { #expect(visits(count) == [Int](repeating: 1, count: count)) }
    }

    @Test("follow each other at once or after a pause in which the threads fall asleep")
    func manyRegions() {
        for region in 0..<20_000 {
            let seen = visits(5)
            if seen != [1, 1, 1, 1, 1] { Issue.record("region \(region): \(seen)") }
            // Longer and shorter than the threads wait: they are caught awake, asleep and on their way there.
            if region % 1000 == 0 { usleep(5000) } else if region % 50 == 0 { usleep(UInt32(region / 50 % 120)) }
        }
    }

    @Test("see what was written before them, and what they wrote is seen after them")
    func visibility() {
        var values = [Int](repeating: 0, count: 128)
        values.withUnsafeMutableBufferPointer { values in
            nonisolated(unsafe) let values = values
            for round in 0..<2000 {
                // Each index takes what another one, on any thread, wrote in the round before.
                let (from, to) = (round % 2 * 64, (round + 1) % 2 * 64)
                Threads.forEach(64) { values[to + $0] = values[from + ($0 + 17) % 64] + 1 }
                if values[to..<to + 64].contains(where: { $0 != round + 1 }) { Issue.record("round \(round)") }
            }
        }
    }

    @Test("may be asked for inside of one another and from several threads at once")
    func nestedAndConcurrent() {
        let total = Atomic(0)
        Threads.forEach(8) { _ in
            Threads.forEach(50) { _ in
                Threads.forEachChunk(of: 10, grain: 1) { total.add($0.count, ordering: .relaxed) }
            }
        }
        #expect(total.load(ordering: .relaxed) == 4000)

        let concurrent = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<500 {
                Threads.forEach(6) { _ in concurrent.add(1, ordering: .relaxed) }
            }
        }
        #expect(concurrent.load(ordering: .relaxed) == 24_000)
    }
}
