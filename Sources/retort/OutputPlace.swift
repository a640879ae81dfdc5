import Distillation
import Files
import Foundation

/// Where results go when the work is done: looked at before it begins, so that hours are not lost to a name.
struct OutputPlace {
    private let url: URL

    /// A directory for files of these names, which may be there already if they are results too.
    ///
    /// - Parameter inputs: files that are read, and so must not be written.
    /// - Throws: `InputError` where it cannot be made or written to, or has other files of these names.
    init(directory path: String, writing names: [String], reading inputs: [String]) throws {
        url = URL(fileURLWithPath: path, isDirectory: true)
        try Self.probe(url, named: path, "--output")
        for name in names {
            try Self.requireOther(url.appendingPathComponent(name), than: inputs, "--output")
        }
        let present = names.map { url.appendingPathComponent($0) }.filter { Self.exists($0.path) }
        if let first = present.first, !present.contains(where: Self.isResult) {
            throw InputError(
                file: first.relativePath, field: "--output", problem: "is there, and is no result of an earlier time",
                remedy: "name another directory, or move it away")
        }
    }

    /// A file, which may replace only one that is `replaceable`.
    ///
    /// - Throws: `InputError` where it cannot be written, or another file is there.
    init(file path: String, option: String, reading inputs: [String], replaceable: (URL) -> Bool, _ kind: String) throws
    {
        url = URL(fileURLWithPath: path)
        try Self.requireOther(url, than: inputs, option)
        if Self.exists(url.path), !replaceable(url) {
            throw InputError(
                file: path, field: option, problem: "is there, and is no \(kind)",
                remedy: "name another file, or move it away")
        }
        try Self.probe(url.deletingLastPathComponent(), named: path, option)
    }

    /// A file that took long to make, such as a recording, which is replaced only on purpose.
    ///
    /// - Throws: `InputError` where it cannot be written, is one of the inputs, or is there and may not be replaced.
    init(file path: String, option: String, reading inputs: [String], mayReplace: Bool) throws {
        url = URL(fileURLWithPath: path)
        try Self.requireOther(url, than: inputs, option)
        if Self.exists(url.path) {
            guard PathKind(of: path) == .file else {
                throw InputError(
                    file: path, field: option, problem: "is there, and is no file", remedy: "name another file")
            }
            guard mayReplace else {
                throw InputError(
                    file: path, field: option, problem: "is there already",
                    remedy: "name another file, or --force to replace it")
            }
        }
        try Self.probe(url.deletingLastPathComponent(), named: path, option)
    }

    /// Writes all that `body` writes before a signal may end the program.
    func write(_ body: (URL) throws -> Void) throws {
        try Interruption.wholly { try body(url) }
    }

    /// Whether a file is the document or the page of results: other files of theirs are judged by these.
    private static func isResult(_ url: URL) -> Bool {
        struct Document: Decodable { var schema: Int }
        guard let content = try? Data(contentsOf: url, options: .mappedIfSafe) else { return false }
        return switch url.pathExtension {
        case "json": (try? JSONDecoder().decode(Document.self, from: content)) != nil
        case "html": content.range(of: Data("<p class=\"eyebrow\">Retort ".utf8)) != nil
        default: false
        }
    }

    private static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Makes the directory and a file in it, and takes both away again.
    private static func probe(_ directory: URL, named path: String, _ option: String) throws {
        func refuse(_ problem: String) -> InputError {
            InputError(file: path, field: option, problem: problem, remedy: "name a place that can be written to")
        }
        var missing: [String] = []
        var place = directory.standardizedFileURL
        while !exists(place.path), place.path != "/" {
            missing.append(place.path)
            place.deleteLastPathComponent()
        }
        defer { for path in missing { rmdir(path) } }
        var isDirectory: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: place.path, isDirectory: &isDirectory)
        guard isDirectory.boolValue else { throw refuse("\(place.path) is no directory") }
        do {
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        } catch {
            throw refuse("cannot be made: \(error.systemReason)")
        }
        let file = directory.appendingPathComponent(".retort.\(ProcessInfo.processInfo.processIdentifier).tmp").path
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard descriptor >= 0 else { throw refuse("cannot be written to: \(String(cString: strerror(errno)))") }
        close(descriptor)
        unlink(file)
    }

    private static func requireOther(_ output: URL, than inputs: [String], _ option: String) throws {
        func identity(_ path: String) -> [UInt64]? {
            var status = stat()
            return stat(path, &status) == 0 ? [UInt64(status.st_dev), UInt64(status.st_ino)] : nil
        }
        guard let own = identity(output.path), let same = inputs.first(where: { identity($0) == own }) else { return }
        throw InputError(
            file: output.relativePath, field: option, problem: "is \(same), which is read",
            remedy: "name another place")
    }
}
