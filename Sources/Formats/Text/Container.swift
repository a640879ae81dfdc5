/// How bytes are packed.
enum Compression: String {
    case none, gzip, bzip2, xz
    case zstd = "Zstandard"
}

/// What records a text is made of, as its name says.
enum TextKind: String {
    case csv, tsv, jsonl, txt

    init?(name: String) {
        let name = name.lowercased()
        if name.hasSuffix(".ndjson") {
            self = .jsonl
        } else if let kind = [.csv, .tsv, .jsonl, .txt].first(where: { name.hasSuffix("." + $0.rawValue) }) as Self? {
            self = kind
        } else {
            return nil
        }
    }
}

/// What the name of a file says that it holds: one text or an archive of texts, plain or compressed.
enum Container: Equatable {
    case text(TextKind, Compression)
    case tar(Compression)
    case zip

    private static let compressions: KeyValuePairs<String, Compression> = [
        ".gz": .gzip, ".bz2": .bzip2, ".xz": .xz, ".zst": .zstd,
    ]

    private static let archives: KeyValuePairs<String, Container> = [
        ".tar": .tar(.none), ".tar.gz": .tar(.gzip), ".tgz": .tar(.gzip), ".tar.bz2": .tar(.bzip2),
        ".tbz2": .tar(.bzip2), ".tar.xz": .tar(.xz), ".txz": .tar(.xz), ".tar.zst": .tar(.zstd),
        ".tzst": .tar(.zstd), ".zip": .zip,
    ]

    /// Nil if the name says nothing.
    init?(name: String) {
        let name = name.lowercased()
        if let archive = Self.archives.first(where: { name.hasSuffix($0.key) }) {
            self = archive.value
            return
        }
        let compression = Self.compressions.first { name.hasSuffix($0.key) }
        guard let kind = TextKind(name: String(name.dropLast(compression?.key.count ?? 0))) else { return nil }
        self = .text(kind, compression?.value ?? .none)
    }

    var isArchive: Bool {
        if case .text = self { false } else { true }
    }
}
