import Files
import Foundation

/// Holds a run directory for one process. The system releases the lock when the holder ends, however it ends.
public final class RunLock {
    private let descriptor: Int32

    /// - Throws: `RunInUse` if another process holds the directory.
    public init(_ run: RunDirectory) throws {
        let url = run.file("lock")
        descriptor = open(url.path, O_RDWR | O_CREAT, 0o644)
        guard descriptor >= 0 else {
            throw InputError(file: url.path, problem: "cannot create the lock: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = (try? String(contentsOf: url, encoding: .utf8)) ?? "unknown"
            close(descriptor)
            throw RunInUse(run: run.url.path, holder: holder.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        let text = "process \(ProcessInfo.processInfo.processIdentifier)\n"
        ftruncate(descriptor, 0)
        _ = text.withCString { write(descriptor, $0, strlen($0)) }
    }

    deinit {
        close(descriptor)
    }
}

/// Another process is working in the run directory.
public struct RunInUse: Error, CustomStringConvertible {
    public let run: String
    public let holder: String

    public var description: String {
        "\(run): in use by \(holder)\n  → wait for it to end, or stop it"
    }
}
