import Files
import Foundation

/// Where rows come from: a file, files that a pattern names, or entries of archives.
///
/// | written | read |
/// |---|---|
/// | `train.csv`, `train.csv.gz` | a file, plain or compressed |
/// | `shards/train-*.jsonl.zst` | the files that match (see `Glob`), in the order of the bytes of their paths |
/// | `data.tar.gz` | the data files of an archive, in its order, if all are of one kind |
/// | `data.tar.gz:train/*.csv` | the entries that match, in the archive's order |
///
/// A file that is there under the whole of the name is taken as that, whatever its characters.
public struct DataAddress: Sendable {
    /// The address as it was written.
    public let text: String
    /// The files to read, in this order; at least one.
    public let files: [String]
    /// What names the entries of archives; nil takes all that are data.
    let entries: String?

    /// Looks for the files.
    ///
    /// - Throws: `InputError` when there are none, with what is there instead.
    public init(_ text: String) throws {
        self.text = text
        let (path, entries) = Self.isFile(text) ? (text, nil) : Self.parts(of: text)
        self.entries = entries
        files = Self.isFile(path) ? [path] : Glob.isPattern(path) ? Glob.files(matching: path) : []
        if let stream = files.first(where: { !Self.canBeReadAgain($0) }) {
            throw InputError(
                file: stream, problem: "is a pipe or a device, which can be read once only",
                remedy: "write it to a file first; data are read several times")
        }
        guard files.isEmpty else { return }
        let (directory, names) = Glob.nearest(to: path)
        let place = directory.isEmpty ? FileManager.default.currentDirectoryPath : directory
        let isDirectory = FileManager.default.fileExists(atPath: path)
        throw InputError(
            file: path,
            problem: isDirectory
                ? "is a directory" : Glob.isPattern(path) ? "no file matches" : "there is no such file",
            remedy: names.isEmpty
                ? "there is nothing in \(place)"
                : "in \(place) there is \(names.joined(separator: ", "))"
                    + (isDirectory ? "; write for instance \(path)/*.csv" : ""))
    }

    /// The bytes of all files together, compressed ones as they are.
    public var bytes: Int {
        files.reduce(0) { $0 + (FileSize.bytes(at: $1) ?? 0) }
    }

    /// SHA-256 of the files' contents: of a single file its own, of several that of their digests.
    public func digest() throws -> String {
        let digests = try files.map { try Digest.sha256(fileAt: URL(fileURLWithPath: $0)) }
        return digests.count == 1 ? digests[0] : Digest.sha256(digests.joined())
    }

    /// An archive's path and the names of its entries, apart at the first colon after an archive's name.
    private static func parts(of text: String) -> (path: String, entries: String?) {
        var colon = text.firstIndex(of: ":")
        while let place = colon {
            let rest = text[text.index(after: place)...]
            if Container(name: String(text[..<place]))?.isArchive == true, !rest.isEmpty {
                return (String(text[..<place]), String(rest))
            }
            colon = rest.firstIndex(of: ":")
        }
        return (text, nil)
    }

    /// Whether it is an ordinary file; one that cannot be asked is left to the reader's error.
    private static func canBeReadAgain(_ path: String) -> Bool {
        [nil, .file].contains(PathKind(of: path))
    }

    private static func isFile(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && !isDirectory.boolValue
    }
}
