import Foundation

/// Sizes of files, through links: published models are often directories of links.
public enum FileSize {
    /// The bytes of the ordinary file that a path leads to; nil where there is none, or it cannot be asked.
    public static func bytes(at path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }
}
