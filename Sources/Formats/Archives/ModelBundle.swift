import CArchive
import Files
public import Foundation

/// A directory as one `.tar.zst` file that says what is in it: `manifest.json`, its first entry, has the size and the SHA-256
/// of every other.
///
/// Times, owners and permissions are left out, so that the same files give the same bytes.
public enum ModelBundle {
    /// Replaces the file at `url` by the files of `directory`, under its name.
    ///
    /// The bundle is read back and compared with the manifest before it is put in place.
    ///
    /// - Throws: `InputError` if a file cannot be read, is a link or has the manifest's name, or the bundle cannot be written or read back.
    public static func write(_ directory: URL, to url: URL) throws {
        let files = try files(of: directory)
        let manifest = try manifest(files)
        let folder = directory.lastPathComponent
        for file in files where !EntryName.isSafe("\(folder)/\(file.path)", isDirectory: false) {
            throw InputError(
                file: file.url.path,
                problem: "has a name that archives do not hold: a backslash or a control character",
                remedy: "give another name")
        }
        try AtomicFile.replace(url) { aside in
            let writer = try BundleWriter(aside, shown: url.path)
            try writer.add("\(folder)/\(manifestFile)", manifest)
            for file in files { try writer.add("\(folder)/\(file.path)", MappedFile.data(at: file.url)) }
            try writer.close()
            let found = try contents(of: aside)
            let expected = Dictionary(
                uniqueKeysWithValues: try files.map { ($0.path, try Digest.sha256(fileAt: $0.url)) })
            guard found.digests == expected, found.manifest == manifest else {
                throw InputError(file: url.path, problem: "read back, it does not hold the files")
            }
        }
    }

    /// Compares a bundle's files with its manifest.
    ///
    /// - Returns: how many files there are beside the manifest.
    /// - Throws: `BundleMismatch` naming the first file that is missing, surplus or changed; `InputError` if the bundle cannot be read.
    @discardableResult
    public static func verify(_ url: URL) throws -> Int {
        let found = try contents(of: url)
        guard let bytes = found.manifest, let manifest = try? JSONDecoder().decode(Manifest.self, from: bytes) else {
            throw BundleMismatch(file: url.path, entry: manifestFile, problem: "is not there, or damaged")
        }
        let expected = Dictionary(manifest.files.map { ($0.path, $0.sha256) }) { first, _ in first }
        let paths = Set(found.digests.keys).union(expected.keys).sorted()
        for path in paths where found.digests[path] != expected[path] {
            throw BundleMismatch(
                file: url.path, entry: path,
                problem: found.digests[path] == nil
                    ? "is missing" : expected[path] == nil ? "is not in the manifest" : "was changed")
        }
        return found.digests.count
    }

    private static let manifestFile = "manifest.json"

    private struct Manifest: Codable {
        struct File: Codable {
            var path: String
            var bytes: Int
            var sha256: String
        }

        var schema = 1
        var files: [File]
    }

    private static func files(of directory: URL) throws -> [(path: String, url: URL)] {
        let manager = FileManager.default
        guard let paths = try? manager.subpathsOfDirectory(atPath: directory.path) else {
            throw InputError(file: directory.path, problem: "the directory cannot be read")
        }
        return try paths.sorted().compactMap { path in
            let url = directory.appendingPathComponent(path)
            let type = try manager.attributesOfItem(atPath: url.path)[.type] as? FileAttributeType
            guard type != .typeDirectory else { return nil }
            guard type == .typeRegular else {
                throw InputError(
                    file: url.path, problem: "is no plain file, so a bundle would not hold what it stands for",
                    remedy: "put the file itself there, or remove it")
            }
            guard path != manifestFile else {
                throw InputError(
                    file: url.path, problem: "has the name of the bundle's own list of files",
                    remedy: "give it another name")
            }
            return (path, url)
        }
    }

    private static func manifest(_ files: [(path: String, url: URL)]) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(
            Manifest(
                files: files.map { file in
                    let attributes = try FileManager.default.attributesOfItem(atPath: file.url.path)
                    return .init(
                        path: file.path, bytes: attributes[.size] as? Int ?? 0,
                        sha256: try Digest.sha256(fileAt: file.url))
                }))
    }

    private static let longestManifest = 64 << 20

    /// The digests of a bundle's files by their paths in its folder, and the manifest. The files pass through memory block by block.
    private static func contents(of url: URL) throws -> (digests: [String: String], manifest: Data?) {
        let limits = UnpackingLimits.usual
        var (folder, manifest): (Substring?, Data?)
        var digests: [String: String] = [:]
        let data = try MappedFile.data(at: url)
        try data.withUnsafeBytes { bytes in
            let source = BoundedBytes(
                try FilteredBytes(MappedBytes(bytes), .zstd, file: url.path), limit: limits.unpacked(from: bytes.count),
                file: url.path)
            try ArchiveReader.read(tar: source, file: url.path) { reader in
                while let entry = try reader.next() {
                    func refuse(_ problem: String) -> BundleMismatch {
                        BundleMismatch(file: url.path, entry: EntryName.printable(entry.name), problem: problem)
                    }
                    if entry.kind == .directory { continue }
                    // As tar writes what it packs from within the folder: `./a.txt`.
                    let isBare = entry.name.hasPrefix("./")
                    let name = isBare ? String(entry.name.dropFirst(2)) : entry.name
                    let parts = isBare ? [".", name[...]] : name.split(separator: "/", maxSplits: 1)
                    guard entry.kind == .file, EntryName.isSafe(name, isDirectory: false), parts.count == 2 else {
                        throw refuse("is no plain file in the bundle's folder")
                    }
                    guard folder == nil || folder == parts[0] else {
                        throw refuse("is in another folder than the others")
                    }
                    guard digests.count < limits.entries else { throw refuse("there are too many files") }
                    folder = parts[0]
                    let path = String(parts[1])
                    var (digest, content) = (Digest.Running(), Data())
                    while let block = try reader.nextBlock() {
                        digest.update(block)
                        guard path == manifestFile else { continue }
                        content.append(contentsOf: block)
                        guard content.count <= longestManifest else { throw refuse("is too long for a list of files") }
                    }
                    guard path == manifestFile ? manifest == nil : digests[path] == nil else {
                        throw refuse("is in the bundle twice")
                    }
                    if path == manifestFile { manifest = content } else { digests[path] = digest.sha256 }
                }
            }
        }
        return (digests, manifest)
    }
}

/// A bundle that does not hold what its manifest says.
public struct BundleMismatch: Error, CustomStringConvertible {
    let file: String
    let entry: String
    let problem: String

    public var description: String {
        "\(file): \(entry) \(problem)\n  → ask for the bundle again from whoever made it"
    }
}

/// Writes a tar archive through Zstandard with libarchive.
private final class BundleWriter {
    private let archive: OpaquePointer
    private let shown: String

    init(_ url: URL, shown: String) throws {
        guard let archive = archive_write_new() else { throw InputError(file: shown, problem: "out of memory") }
        self.archive = archive
        self.shown = shown
        try check(archive_write_set_format_pax_restricted(archive))
        try check(archive_write_add_filter_zstd(archive))
        try check(archive_write_open_filename(archive, url.path))
    }

    deinit {
        archive_write_free(archive)
    }

    func add(_ name: String, _ bytes: Data) throws {
        guard let entry = archive_entry_new() else { throw InputError(file: shown, problem: "out of memory") }
        defer { archive_entry_free(entry) }
        archive_entry_set_pathname_utf8(entry, name)
        archive_entry_set_size(entry, Int64(bytes.count))
        // A regular file (S_IFREG) that its owner may write and everyone read.
        archive_entry_set_filetype(entry, 0o100000)
        archive_entry_set_perm(entry, 0o644)
        archive_entry_set_mtime(entry, 0, 0)
        try check(archive_write_header(archive, entry))
        try bytes.withUnsafeBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = archive_write_data(
                    archive, bytes.baseAddress! + written, min(bytes.count - written, 1 << 22))
                guard count > 0 else { throw failure() }
                written += Int(count)
            }
        }
    }

    func close() throws {
        try check(archive_write_close(archive))
    }

    private func check(_ status: Int32) throws {
        guard status == ARCHIVE_OK || status == ARCHIVE_WARN else { throw failure() }
    }

    private func failure() -> InputError {
        let reason = archive_error_string(archive).map { String(cString: $0) } ?? "unknown reason"
        return InputError(file: shown, problem: "cannot write: \(reason)", remedy: "check the free space")
    }
}
