/// Which names of an archive's entries are taken.
enum EntryName {
    /// Longer than any path that a system opens.
    static let longest = 4096

    /// Whether a name stays inside of the archive and can be printed: relative, without `..`, empty parts, backslashes and
    /// control characters.
    static func isSafe(_ name: String, isDirectory: Bool) -> Bool {
        guard
            name.utf8.count <= longest,
            name.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control && $0 != "\\" })
        else { return false }
        let path = isDirectory && name.hasSuffix("/") ? name.dropLast() : name[...]
        return path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
            !["", ".", ".."].contains($0)
        }
    }

    /// The name as it can be shown to a person, quoted where it is unsafe.
    static func printable(_ name: String) -> String {
        guard !isSafe(name, isDirectory: true) else { return name }
        let scalars = name.unicodeScalars.prefix(longest).map { scalar in
            scalar.properties.generalCategory == .control
                ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
        }
        return "\"\(scalars.joined())\""
    }
}
