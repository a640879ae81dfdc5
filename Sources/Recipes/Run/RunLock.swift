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
        // Whoever only looks (`holder(of:)`) holds the lock for a moment.
        var attempts = 1
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard attempts < 5 else {
                close(descriptor)
                throw RunInUse(run: run.url.path, holder: Self.name(in: url))
            }
            attempts += 1
            usleep(20_000)
        }
        let text = "process \(ProcessInfo.processInfo.processIdentifier)\n"
        ftruncate(descriptor, 0)
        _ = text.withCString { write(descriptor, $0, strlen($0)) }
    }

    deinit {
        close(descriptor)
    }

    /// The process that works in a run directory now, nil if there is none. Changes nothing.
    static func holder(of run: RunDirectory) -> String? {
        let url = run.file("lock")
        let descriptor = open(url.path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) == 0 ? nil : name(in: url)
    }

    private static func name(in url: URL) -> String {
        let text = (try? String(contentsOf: url, encoding: .utf8))?.trimmingCharacters(in: .whitespacesAndNewlines)
        return text.flatMap { $0.isEmpty ? nil : $0 } ?? "another process"
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
