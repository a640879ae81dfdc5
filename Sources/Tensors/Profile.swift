import Dispatch
import Synchronization

/// Where the time of a step goes, for the benchmark; off unless started, and then a few clock readings per operation.
public enum Profile {
    public enum Phase: String, CaseIterable, Sendable {
        /// Matrix products of linear layers, packing their operands included.
        case gemm
        /// Attention, without its softmax.
        case attention
        case softmax
        case norms
        case activations
        case loss
        case optimizer
    }

    private static let isOn = Atomic(false)
    private static let totals = Mutex<[Phase: Double]>([:])

    public static func start() {
        totals.withLock { $0 = [:] }
        isOn.store(true, ordering: .relaxed)
    }

    /// Milliseconds of wall time per phase since `start`.
    public static func stop() -> [Phase: Double] {
        isOn.store(false, ordering: .relaxed)
        return totals.withLock { $0 }
    }

    /// Runs `body` and counts its time as `phase`: inside of a parallel region, its share of the threads' time.
    public static func measure<R>(_ phase: Phase, _ body: () throws -> R) rethrows -> R {
        guard isOn.load(ordering: .relaxed) else { return try body() }
        let (start, threads) = (now(), Double(Threads.inRegion ?? 1))
        defer { add((now() - start) / threads, to: phase) }
        return try body()
    }

    /// Runs a part of what is measured as `outer`, and moves its time from there to `phase`.
    static func measure<R>(_ phase: Phase, within outer: Phase, _ body: () -> R) -> R {
        guard isOn.load(ordering: .relaxed) else { return body() }
        let (start, threads) = (now(), Double(Threads.inRegion ?? 1))
        defer {
            let share = (now() - start) / threads
            add(share, to: phase)
            add(-share, to: outer)
        }
        return body()
    }

    private static func add(_ milliseconds: Double, to phase: Phase) {
        totals.withLock { $0[phase, default: 0] += milliseconds }
    }

    private static func now() -> Double {
        Double(DispatchTime.now().uptimeNanoseconds) * 1e-6
    }
}
