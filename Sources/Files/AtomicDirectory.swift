public import Foundation

/// Writes whole directories so that a failure or a crash leaves the old one or the new one, and never a part of one in its place.
///
/// What is new is made beside the target as `.NAME.retort-unfinished`. The old one waits as `.NAME.retort-old` while the new one
/// takes its place, and is put back by the next writing if a crash came between.
public enum AtomicDirectory {
    /// Lets `fill` write a directory aside, which then takes the place of `url`.
    ///
    /// If `fill` throws, nothing of the new one is left, and `url` is as it was.
    ///
    /// - Parameter fill: is given an empty directory.
    /// - Throws: what `fill` throws; `InputError` naming the directory that cannot be made or moved, or what is there and is none.
    public static func replace<Result>(_ url: URL, _ fill: (URL) throws -> Result) throws -> Result {
        let files = FileManager.default
        let (aside, old) = (beside(url, "unfinished"), beside(url, "old"))
        guard [nil, .directory].contains(PathKind(of: url.path, followingLinks: false)) else {
            throw InputError(
                file: url.path, problem: "is there already, and is no directory",
                remedy: "name another place, or move it away")
        }
        try naming(url) {
            if files.fileExists(atPath: old.path) {
                if files.fileExists(atPath: url.path) {
                    try files.removeItem(at: old)
                } else {
                    try files.moveItem(at: old, to: url)
                }
            }
            if files.fileExists(atPath: aside.path) { try files.removeItem(at: aside) }
            try files.createDirectory(at: aside, withIntermediateDirectories: true)
        }
        var isPlaced = false
        defer { if !isPlaced { try? files.removeItem(at: aside) } }
        let result = try fill(aside)
        try naming(url) {
            let replaces = files.fileExists(atPath: url.path)
            if replaces { try files.moveItem(at: url, to: old) }
            do {
                try files.moveItem(at: aside, to: url)
            } catch {
                if replaces { try files.moveItem(at: old, to: url) }
                throw error
            }
            isPlaced = true
            if replaces { try files.removeItem(at: old) }
        }
        return result
    }

    private static func beside(_ url: URL, _ suffix: String) -> URL {
        url.deletingLastPathComponent().appendingPathComponent(".\(url.lastPathComponent).retort-\(suffix)")
    }

    private static func naming(_ url: URL, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let error as InputError {
            throw error
        } catch {
            throw InputError(
                file: url.path, problem: "cannot write the directory: \(error.systemReason)",
                remedy: "check the path, its permissions and the free space")
        }
    }
}
