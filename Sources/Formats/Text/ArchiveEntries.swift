import Files

/// Chooses the texts among an archive's entries, and refuses archives whose entries are not plain files inside of it.
struct ArchiveEntries {
    struct Entry {
        /// `ARCHIVE:ENTRY`.
        let name: String
        let kind: TextKind
    }

    /// The names kept to say what there is.
    private static let shown = 1000
    /// The most bytes that the names of the entries read may take.
    private static let longestNames = 64 << 20

    private let file: String
    private let pattern: String?
    private let unpackedSize: Int
    private let limits: UnpackingLimits
    /// All entries so far.
    private(set) var count = 0
    private var kind: TextKind?
    private var names: Set<String> = []
    private var nameBytes = 0
    private var current = ""
    private var others: [String] = []
    private var bytes = 0

    /// - Parameters:
    ///   - pattern: which entries to read; nil reads all that are data.
    ///   - unpackedSize: the most bytes that all of them may have together.
    init(_ file: String, _ pattern: String?, unpackedSize: Int, _ limits: UnpackingLimits) {
        self.file = file
        // Entries that tar begins with `./` are known without it.
        self.pattern = pattern.map { $0.hasPrefix("./") ? String($0.dropFirst(2)) : $0 }
        self.unpackedSize = unpackedSize
        self.limits = limits
    }

    /// Goes to the next entry that is to be read; nil after the last.
    ///
    /// - Throws: `InputError` naming the entry that is unsafe, or what entries there are if none or more than one kind fits.
    mutating func next(_ reader: inout ArchiveReader) throws -> Entry? {
        while let entry = try reader.next() {
            guard let name = try name(of: entry) else { continue }
            guard isChosen(name) else {
                if others.count < Self.shown { others.append(name) }
                continue
            }
            try check(entry, name)
            guard let kind = TextKind(name: name) else {
                throw TextScan.unknownKind(
                    "\(file):\(name)",
                    problem: Container(name: name) == nil
                        ? "is of an unknown kind" : "is compressed or an archive itself, which is not opened")
            }
            if pattern == nil, let first = self.kind, first != kind { throw try severalKinds(&reader, name) }
            self.kind = kind
            current = name
            return Entry(name: "\(file):\(name)", kind: kind)
        }
        guard kind != nil else { throw nothing() }
        return nil
    }

    /// The next bytes of the entry; nil after the last.
    mutating func nextBlock(_ reader: inout ArchiveReader) throws -> UnsafeRawBufferPointer? {
        guard let block = try reader.nextBlock() else { return nil }
        bytes += block.count
        guard bytes <= unpackedSize else { throw UnpackingLimits.exceeded(unpackedSize, file: file, entry: current) }
        return block
    }

    /// The entry's name, without the `./` that tar may begin it with; nil for a directory.
    private mutating func name(of entry: ArchiveReader.Entry) throws -> String? {
        count += 1
        guard count <= limits.entries else {
            throw InputError(
                file: file, problem: "has more than \(limits.entries) entries", remedy: "pack several texts into one")
        }
        let name = entry.name.hasPrefix("./") ? String(entry.name.dropFirst(2)) : entry.name
        if entry.kind == .directory, name.isEmpty { return nil }
        guard EntryName.isSafe(name, isDirectory: entry.kind == .directory) else {
            throw problem(
                EntryName.printable(entry.name), "an unsafe name: it leads elsewhere or holds control characters")
        }
        guard entry.kind != .directory else { return nil }
        guard entry.kind == .file else { throw problem(name, "a link or a special file, not followed") }
        guard let size = entry.size, (0...unpackedSize).contains(size) else {
            throw problem(name, "declares \(entry.size ?? -1) bytes, more than \(file) can hold")
        }
        return name
    }

    /// Whether a name is asked for: where no pattern is given, that of a data file that is not hidden.
    private func isChosen(_ name: String) -> Bool {
        if let pattern { return name == pattern || Glob(pattern).matches(name) }
        let parts = name.split(separator: "/")
        return TextKind(name: name) != nil && parts.last?.hasPrefix(".") == false && parts.first != "__MACOSX"
    }

    private mutating func check(_ entry: ArchiveReader.Entry, _ name: String) throws {
        guard !entry.isEncrypted else { throw problem(name, "encrypted") }
        guard entry.method != .other else { throw problem(name, "compressed by another method than deflate") }
        nameBytes += name.utf8.count
        guard names.insert(name).inserted else { throw problem(name, "the archive holds two files of this name") }
        guard nameBytes <= Self.longestNames else {
            throw InputError(file: file, problem: "the names of its entries take more than 64 MiB")
        }
    }

    private func problem(_ name: String, _ problem: String) -> InputError {
        InputError(
            file: file, field: name, problem: problem, remedy: "pack the texts themselves, under their own names")
    }

    /// Says which entries there are where nobody chose among several kinds.
    private mutating func severalKinds(_ reader: inout ArchiveReader, _ name: String) throws -> InputError {
        var present = names.sorted()
        while present.count < Self.shown, let entry = try reader.next() {
            if let name = try self.name(of: entry), isChosen(name) { present.append(name) }
        }
        return InputError(
            file: file,
            problem:
                "holds data files of more than one kind: \(Self.list(Glob.mostLike("", among: present, count: 20)))",
            remedy: "choose among them, as in \(file):\(name)")
    }

    private func nothing() -> InputError {
        guard count > 0 else {
            return InputError(file: file, problem: "holds no entries", remedy: "check that it was written completely")
        }
        let names = Self.list(Glob.mostLike(pattern ?? "", among: others, count: 5))
        return InputError(
            file: file, problem: pattern.map { "no entry matches \($0)" } ?? "holds no csv, tsv, jsonl or txt file",
            remedy: others.isEmpty ? "all its entries are directories" : "its entries are \(names)")
    }

    private static func list(_ names: [String]) -> String {
        names.joined(separator: ", ")
    }
}
