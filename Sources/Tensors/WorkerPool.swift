import CKernels
import Foundation
import Synchronization

/// Threads that wait for parallel regions: by spinning for some ten microseconds, since the next region is usually that
/// near and waking a thread costs more than a small region, and asleep after that.
///
/// One region runs at a time. A region that is asked for while another runs, from inside of it or from another thread,
/// runs on the calling thread alone: nothing nests, and there are never more threads at work than there should be.
final class WorkerPool: Sendable {
    /// The region that is open. Written by its owner while no worker is inside; invariant for `@unchecked Sendable`.
    private final class Region: @unchecked Sendable {
        let iterations = Atomic(0)
        var body: (Int) -> Void = { _ in }
    }

    private final class Worker: Sendable {
        let isAsleep = Atomic(false)
        let alarm = DispatchSemaphore(value: 0)
    }

    private let region = Region()
    private let isOwned = Atomic(false)
    /// The number of the region (from bit 17), whether workers may enter it (bit 16), and how many are inside.
    private let state = Atomic<UInt64>(0)
    private let next = Atomic(0)
    private let workers: [Worker]

    private static let open: UInt64 = 1 << 16
    private static let inside: UInt64 = open - 1
    /// Looks at the state before a worker goes to sleep, or a waiting owner gives its processor away.
    private static let patience = 3000

    /// - Parameter threads: how many run a region, the calling one included.
    init(threads: Int) {
        workers = (1..<max(threads, 1)).map { _ in Worker() }
        for worker in workers {
            let thread = Thread { [self] in serve(worker) }
            thread.name = "retort"
            thread.stackSize = 4 << 20
            thread.start()
        }
    }

    /// How many threads share the open region; nil where none is open.
    var threadsInRegion: Int? {
        guard isOwned.load(ordering: .relaxed) else { return nil }
        return min(region.iterations.load(ordering: .relaxed), workers.count + 1)
    }

    /// Runs body(0), …, body(iterations − 1), each once, in any order and on any of the threads.
    func perform(_ iterations: Int, _ body: @escaping (Int) -> Void) {
        guard isOwned.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
            for index in 0..<iterations { body(index) }
            return
        }
        region.iterations.store(iterations, ordering: .relaxed)
        region.body = body
        next.store(0, ordering: .relaxed)
        let number = state.load(ordering: .relaxed) >> 17 &+ 1
        state.store(number << 17 | Self.open, ordering: .sequentiallyConsistent)
        for worker in workers where worker.isAsleep.load(ordering: .sequentiallyConsistent) {
            if worker.isAsleep.exchange(false, ordering: .sequentiallyConsistent) { worker.alarm.signal() }
        }
        work()
        // No iteration is left: who has not come by now need not come.
        state.bitwiseAnd(~Self.open, ordering: .acquiringAndReleasing)
        var looks = 0
        while state.load(ordering: .acquiring) & Self.inside != 0 {
            looks += 1
            if looks < Self.patience { retort_pause() } else { sched_yield() }
        }
        region.body = { _ in }
        isOwned.store(false, ordering: .releasing)
    }

    private func work() {
        while true {
            let index = next.add(1, ordering: .relaxed).oldValue
            guard index < region.iterations.load(ordering: .relaxed) else { return }
            region.body(index)
        }
    }

    private func serve(_ worker: Worker) {
        var (last, looks) = (UInt64(0), 0)
        while true {
            let seen = state.load(ordering: .sequentiallyConsistent)
            if seen & Self.open != 0, seen >> 17 != last {
                let entered = state.compareExchange(
                    expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing
                ).exchanged
                guard entered else { continue }
                last = seen >> 17
                work()
                state.subtract(1, ordering: .acquiringAndReleasing)
                looks = 0
                continue
            }
            looks += 1
            guard looks > Self.patience else {
                retort_pause()
                continue
            }
            sleep(worker, last: last)
            looks = 0
        }
    }

    /// Sleeps until a region opens. Announces itself first and looks once more after that, so that no opening is missed.
    private func sleep(_ worker: Worker, last: UInt64) {
        worker.isAsleep.store(true, ordering: .sequentiallyConsistent)
        let seen = state.load(ordering: .sequentiallyConsistent)
        let isNew = seen & Self.open != 0 && seen >> 17 != last
        if isNew, worker.isAsleep.exchange(false, ordering: .sequentiallyConsistent) { return }
        // Either nothing is open, or the owner has seen the announcement and will signal.
        worker.alarm.wait()
    }
}
