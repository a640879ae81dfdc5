import Foundation

/// What stands at a path.
public enum PathKind: Sendable {
    /// An ordinary file.
    case file
    case directory
    /// A pipe, a device, a socket, or a link that is not followed.
    case other

    /// Nil where nothing is there, or cannot be asked.
    ///
    /// - Parameter followingLinks: whether a link counts as what it leads to.
    public init?(of path: String, followingLinks: Bool = true) {
        var status = stat()
        guard (followingLinks ? stat(path, &status) : lstat(path, &status)) == 0 else { return nil }
        self =
            switch status.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            default: .other
            }
    }
}
