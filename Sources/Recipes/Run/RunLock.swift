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
        var lock = Self.wholeFile
        guard fcntl(descriptor, Self.setLock, &lock) == 0 else {
            close(descriptor)
            throw RunInUse(run: run.url.path, holder: Self.name(in: url))
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
        var lock = wholeFile
        guard fcntl(descriptor, getLock, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { return nil }
        return name(in: url)
    }

    /// F_OFD_GETLK and F_OFD_SETLK (fcntl(2)): locks of the open file, which can be asked about without being taken. Linux's
    /// headers show them with extensions only.
    private static let (getLock, setLock) = (Int32(36), Int32(37))

    private static var wholeFile: flock {
        var lock = flock()
        (lock.l_type, lock.l_whence) = (Int16(F_WRLCK), Int16(SEEK_SET))
        return lock
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
