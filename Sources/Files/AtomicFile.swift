public import Foundation

/// Writes whole files so that a reader, or a crash, sees the old file or the new one and never a part.
///
/// The bytes go to a file beside the target, are synced to the disk, and then renamed over it.
public enum AtomicFile {
    /// Replaces `url` by `data`. Creates the directory if it is missing.
    ///
    /// - Throws: `InputError` naming the file and the system's reason (disk full, no permission, …).
    public static func write(_ data: Data, to url: URL) throws {
        try replace(url) { try put(data, $0, named: url) }
    }

    /// Replaces several files. None of them is replaced before all are on the disk, and the last one is replaced last: who finds
    /// it finds the others too. Where one cannot be written all stay as they were.
    public static func write(all files: [(url: URL, data: Data)]) throws {
        guard let last = files.last else { return }
        try replace(last.url) { aside in
            try put(last.data, aside, named: last.url)
            try sync(aside, named: last.url)
            try write(all: files.dropLast())
        }
    }

    /// Replaces `url` by `text` in UTF-8.
    public static func write(_ text: String, to url: URL) throws {
        try write(Data(text.utf8), to: url)
    }

    /// Lets `body` write a file at the temporary URL that it is given, then syncs and renames it to `url`.
    /// If `body` throws, the temporary file is removed and `url` stays as it was.
    ///
    /// - Throws: what `body` throws; `InputError` also where a directory, a device or a pipe is in the place.
    public static func replace(_ url: URL, _ body: (URL) throws -> Void) throws {
        guard [nil, .file].contains(PathKind(of: url.path)) else {
            throw InputError(
                file: url.path, problem: "is there already, and is no ordinary file",
                remedy: "name another file, or move it away")
        }
        let directory = url.deletingLastPathComponent()
        do {
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        } catch {
            throw InputError(file: directory.path, problem: "cannot create the directory: \(error.systemReason)")
        }
        let name = ".\(url.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier).tmp"
        let aside = directory.appendingPathComponent(name)
        do {
            try body(aside)
            try sync(aside, named: url)
            guard rename(aside.path, url.path) == 0 else {
                throw InputError(file: url.path, problem: "cannot rename into place: \(systemReason())")
            }
        } catch {
            unlink(aside.path)
            throw error
        }
        try sync(directory, named: directory)
    }

    /// The bytes that are free where `url` is, or would be made; nil where the file system does not say.
    public static func freeBytes(at url: URL) -> Int? {
        var place = url.standardizedFileURL
        while !FileManager.default.fileExists(atPath: place.path), place.path != "/" { place.deleteLastPathComponent() }
        var values = statvfs()
        guard statvfs(place.path, &values) == 0, values.f_blocks > 0 else { return nil }
        return Int(clamping: UInt64(values.f_bavail) * UInt64(values.f_frsize))
    }

    /// Refuses early what will not fit on the disk.
    ///
    /// - Throws: `InputError` with the bytes needed and the bytes free.
    public static func requireRoom(for bytes: Int, at url: URL) throws {
        guard let free = freeBytes(at: url), bytes > free else { return }
        throw InputError(
            file: url.path, problem: "the disk is full: \(bytes >> 10) kB are needed, \(free >> 10) kB are free",
            remedy: "free some space; what was finished before is safe, and retort resume goes on from it")
    }

    private static func put(_ data: Data, _ aside: URL, named shown: URL) throws {
        do {
            try data.write(to: aside)
        } catch {
            throw InputError(file: shown.path, problem: "cannot write: \(error.systemReason)")
        }
    }

    private static func sync(_ url: URL, named shown: URL) throws {
        let descriptor = open(url.path, O_RDONLY)
        guard descriptor >= 0 else {
            throw InputError(file: shown.path, problem: "cannot open to sync: \(systemReason())")
        }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else {
            throw InputError(file: shown.path, problem: "cannot sync to the disk: \(systemReason())")
        }
    }

    private static func systemReason() -> String {
        String(cString: strerror(errno))
    }
}
