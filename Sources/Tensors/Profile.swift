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
    /// Threads whose times make up one wall time.
    private static let threads = Atomic(1)
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

    /// Runs `body`, whose work is done in regions: of a time that is measured on one of the threads, its share counts.
    public static func inRegions<R>(_ body: () throws -> R) rethrows -> R {
        threads.store(Threads.count, ordering: .relaxed)
        defer { threads.store(1, ordering: .relaxed) }
        return try body()
    }

    /// Runs `body`, called from the thread that builds or walks the tape or inside of `inRegions`, and counts its time as `phase`.
    public static func measure<R>(_ phase: Phase, _ body: () throws -> R) rethrows -> R {
        guard isOn.load(ordering: .relaxed) else { return try body() }
        let start = now()
        defer { add((now() - start) / Double(threads.load(ordering: .relaxed)), to: phase) }
        return try body()
    }

    /// Runs `body` on one of the threads of a region that is measured as `outer`, and moves its share of the region's time
    /// to `phase`.
    static func measure<R>(_ phase: Phase, within outer: Phase, threads: Int, _ body: () -> R) -> R {
        guard isOn.load(ordering: .relaxed) else { return body() }
        let start = now()
        defer {
            let share = (now() - start) / Double(threads)
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
