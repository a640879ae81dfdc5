import Files
import Foundation

/// The directory that a trained tokenizer goes to: it appears whole or not at all.
struct TokenizerFolder {
    private let url: URL
    private let mayReplace: Bool

    /// The files by which a tokenizer is known.
    private static let names = [
        "tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "tokenizer.model", "spiece.model",
    ]

    init(_ url: URL, mayReplace: Bool) {
        self.url = url
        self.mayReplace = mayReplace
    }

    /// Refuses what cannot be written before any work is done.
    func check() throws {
        var isDirectory: ObjCBool = false
        let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory)
        if exists, !isDirectory.boolValue {
            throw InputError(file: url.relativePath, problem: "is a file", remedy: "give the name of a directory")
        }
        if !mayReplace, let found = present.first {
            throw InputError(
                file: url.relativePath, problem: "holds a tokenizer already (\(found))",
                remedy: "give another directory, or --force to replace it")
        }
        var place = url
        while !FileManager.default.fileExists(atPath: place.path), place.path != "/" { place.deleteLastPathComponent() }
        guard access(place.path, W_OK | X_OK) == 0 else {
            throw InputError(
                file: place.path, problem: "cannot be written to: \(String(cString: strerror(errno)))",
                remedy: "give another directory")
        }
    }

    /// Lets `body` write the files aside, and then puts them in place: a new directory at once, a present one file by file.
    func write(_ body: (URL) throws -> Void) throws {
        let isThere = FileManager.default.fileExists(atPath: url.path)
        let aside = (isThere ? url : url.deletingLastPathComponent()).appendingPathComponent(
            ".\(url.lastPathComponent).\(ProcessInfo.processInfo.processIdentifier).tmp", isDirectory: true)
        defer { try? FileManager.default.removeItem(at: aside) }
        try body(aside)
        guard isThere else {
            guard rename(aside.path, url.path) == 0 else { throw failure(url) }
            return
        }
        // tokenizer.json is what readers take first, so it comes last.
        let written = try FileManager.default.contentsOfDirectory(atPath: aside.path).sorted()
        let stale = present.filter { !written.contains($0) }
        for name in written.filter({ $0 != Self.names[0] }) + written.filter({ $0 == Self.names[0] }) {
            let place = url.appendingPathComponent(name)
            guard rename(aside.appendingPathComponent(name).path, place.path) == 0 else { throw failure(place) }
        }
        for name in stale { try FileManager.default.removeItem(at: url.appendingPathComponent(name)) }
    }

    private var present: [String] {
        Self.names.filter { FileManager.default.fileExists(atPath: url.appendingPathComponent($0).path) }
    }

    private func failure(_ place: URL) -> InputError {
        InputError(file: place.path, problem: "cannot rename into place: \(String(cString: strerror(errno)))")
    }
}
