import Dispatch
import Foundation
import Synchronization

/// Asks a run to stop at the next safe point when the process is told to (SIGINT, SIGTERM, SIGHUP from a closed terminal, or
/// SIGUSR1, which job schedulers send before they take a machine away).
///
/// The first signal is remembered; a second one ends the process at once, as a person expects of Ctrl-C. A second SIGUSR1 does
/// not: schedulers send it to each process of a job, and some of those pass it on.
public enum Interruption {
    private static let received = Atomic<Int32>(0)
    private static let endsAtOnce = Atomic<Bool>(false)
    /// Held while files are written that shall be whole.
    private static let writing = Mutex<Void>(())
    // Made once and only activated after that.
    nonisolated(unsafe) private static let sources: [any DispatchSourceSignal] = [SIGINT, SIGTERM, SIGHUP, SIGUSR1].map
    {
        number in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            let isFirst = received.compareExchange(expected: 0, desired: number, ordering: .relaxed).exchanged
            if !isFirst, number != SIGUSR1 { _exit(128 + number) }
            if isFirst, endsAtOnce.load(ordering: .relaxed) { writing.withLock { _ in _exit(128 + number) } }
        }
        return source
    }

    /// Starts listening; call once, before a run.
    public static func listen() {
        for source in sources { source.activate() }
    }

    /// Starts listening for a command that keeps nothing of unfinished work: the first signal ends the process, with
    /// `Interrupted`'s exit code, as soon as no `wholly` runs.
    public static func endAtOnce() {
        endsAtOnce.store(true, ordering: .relaxed)
        listen()
    }

    /// Writes what shall be there whole or not at all.
    public static func wholly(_ write: () throws -> Void) throws {
        try writing.withLock { _ in try write() }
    }

    /// Throws `Interrupted` if a signal has arrived.
    public static func check() throws(Interrupted) {
        let number = received.load(ordering: .relaxed)
        if number != 0 { throw Interrupted(signal: number) }
    }
}

/// A run was asked to stop and has saved what it had.
public struct Interrupted: Error, Equatable {
    public let signal: Int32
    /// 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP, 138 for SIGUSR1.
    public var exitCode: Int32 { 128 + signal }

    public init(signal: Int32) {
        self.signal = signal
    }
}
