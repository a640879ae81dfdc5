import Foundation

extension Glob {
    /// The files of the disk that a pattern names, sorted by the bytes of their paths; links to files are followed.
    public static func files(matching pattern: String) -> [String] {
        var paths = [pattern.hasPrefix("/") ? "/" : ""]
        for name in pattern.split(separator: "/").map(String.init) {
            paths = paths.flatMap { entries(of: $0, matching: name) }
        }
        var isDirectory: ObjCBool = false
        return paths.filter {
            FileManager.default.fileExists(atPath: $0, isDirectory: &isDirectory) && !isDirectory.boolValue
        }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The last directory of a path or pattern that is there, and those of its names that are most like what was looked for:
    /// at most `count`.
    public static func nearest(to pattern: String, count: Int = 5) -> (directory: String, names: [String]) {
        var directory = pattern.hasPrefix("/") ? "/" : ""
        for name in pattern.split(separator: "/").map(String.init) {
            guard let next = entries(of: directory, matching: name).first, isDirectory(next) else {
                return (directory, mostLike(name, among: names(in: directory), count: count))
            }
            directory = next
        }
        return (directory, mostLike("", among: names(in: directory), count: count))
    }

    /// The names that share the longest beginnings and ends with `name`.
    public static func mostLike(_ name: String, among names: [String], count: Int) -> [String] {
        func likeness(_ other: String) -> Int {
            zip(name.utf8, other.utf8).prefix { $0 == $1 }.count
                + zip(name.utf8.reversed(), other.utf8.reversed()).prefix { $0 == $1 }.count
        }
        let ranked = names.map { (likeness: likeness($0), name: $0) }.sorted {
            $0.likeness != $1.likeness
                ? $0.likeness > $1.likeness : $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
        return ranked.prefix(count).map(\.name)
    }

    private static func entries(of directory: String, matching name: String) -> [String] {
        let base = directory.isEmpty || directory.hasSuffix("/") ? directory : directory + "/"
        guard isPattern(name) else {
            return FileManager.default.fileExists(atPath: base + name) ? [base + name] : []
        }
        let glob = Glob(name)
        return names(in: directory).filter(glob.matches).map { base + $0 }
    }

    private static func names(in directory: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: directory.isEmpty ? "." : directory)) ?? []
    }

    private static func isDirectory(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
    }
}
