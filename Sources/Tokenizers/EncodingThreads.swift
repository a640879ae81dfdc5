import Dispatch
import Foundation

/// The threads that encode a batch: as many as everywhere else in the program.
enum EncodingThreads {
    /// `RETORT_THREADS` if it is a positive number, else the processors that the system lets this process use.
    static let count: Int = {
        if let text = ProcessInfo.processInfo.environment["RETORT_THREADS"], let count = Int(text), count > 0 {
            return min(count, 256)
        }
        return max(1, ProcessInfo.processInfo.activeProcessorCount)
    }()

    /// The rows that `body` makes of `0..<count`, in order. `body` gets ranges of at most 256 rows and gives one result for
    /// each; thread t of n takes the ranges t, t + n, ….
    static func map<Result>(_ count: Int, _ body: (Range<Int>) -> [Result]) -> [Result] {
        let grain = 256
        let chunks = (count + grain - 1) / grain
        @Sendable func rows(_ chunk: Int) -> Range<Int> { chunk * grain..<min((chunk + 1) * grain, count) }
        let threads = min(Self.count, chunks)
        guard threads > 1 else { return (0..<chunks).flatMap { body(rows($0)) } }
        return [Result](unsafeUninitializedCapacity: count) { output, initialized in
            // Every index is written once, by the one chunk that holds it.
            nonisolated(unsafe) let output = output
            withoutActuallyEscaping(body) { body in
                nonisolated(unsafe) let body = body
                DispatchQueue.concurrentPerform(iterations: threads) { thread in
                    for chunk in stride(from: thread, to: chunks, by: threads) {
                        let range = rows(chunk)
                        let results = body(range)
                        precondition(results.count == range.count, "\(results.count) results for \(range.count) rows")
                        for (row, result) in zip(range, results) { output.initializeElement(at: row, to: result) }
                    }
                }
            }
            initialized = count
        }
    }
}
