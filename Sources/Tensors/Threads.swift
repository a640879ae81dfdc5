import Foundation

/// The one policy for threads: kernels split their rows into at most `count` equal chunks; BLAS itself stays on the
/// calling thread. Chunks depend on the thread count alone, so results are equal for a fixed count.
public enum Threads {
    /// `RETORT_THREADS` if it is a number from 1 to 256, else the processors that the system lets this process use.
    public static let count: Int = {
        asked.flatMap { Int($0) }.flatMap { (1...256).contains($0) ? $0 : nil }
            ?? max(1, ProcessInfo.processInfo.activeProcessorCount)
    }()

    /// What `RETORT_THREADS` says, if it is set and no number from 1 to 256: then it has no effect.
    public static var misspelt: String? {
        asked.flatMap { text in Int(text).map((1...256).contains) == true ? nil : text }
    }

    private static let asked = ProcessInfo.processInfo.environment["RETORT_THREADS"]

    /// The chunk `index` of `count` items split into `parts` nearly equal ranges.
    static func chunk(_ index: Int, of count: Int, parts: Int) -> Range<Int> {
        (count * index / parts)..<(count * (index + 1) / parts)
    }

    /// Runs `body` on ranges that cover `0..<count`, in parallel where there are at least `2 · grain` items.
    public static func forEachChunk(of count: Int, grain: Int, _ body: (Range<Int>) -> Void) {
        let parts = min(self.count, count / max(grain, 1))
        guard parts > 1 else {
            if count > 0 { body(0..<count) }
            return
        }
        perform(parts) { body(chunk($0, of: count, parts: parts)) }
    }

    /// Runs `body(index)` for each index, spread over the threads one by one.
    public static func forEach(_ count: Int, _ body: (Int) -> Void) {
        guard count > 1, self.count > 1 else {
            for index in 0..<count { body(index) }
            return
        }
        perform(count, body)
    }

    /// The results of `body` for each index, in order; the indices are spread over the threads.
    public static func map<Result>(_ count: Int, _ body: (Int) -> Result) -> [Result] {
        [Result](unsafeUninitializedCapacity: count) { results, initialized in
            nonisolated(unsafe) let base = results.baseAddress
            forEach(count) { (base! + $0).initialize(to: body($0)) }
            initialized = count
        }
    }

    /// How many threads share the open parallel region; nil outside of regions. One that is asked for in another runs on the
    /// calling thread alone.
    static var inRegion: Int? { pool.threadsInRegion }

    private static let pool = WorkerPool(threads: count)

    private static func perform(_ iterations: Int, _ body: (Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            // Kernels write disjoint ranges, which the compiler cannot see.
            nonisolated(unsafe) let body = body
            pool.perform(iterations) { body($0) }
        }
    }
}
