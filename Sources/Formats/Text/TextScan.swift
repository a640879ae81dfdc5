import Files
import Foundation

/// One pass over all records of an address: its files in turn, and the entries of those that are archives.
struct TextScan {
    /// Is given each record, and how many bytes of the address's files were read so far.
    typealias Body = (TextRecord, _ bytesRead: Int) throws -> Void

    let problems: ProblemList
    private(set) var extent = TextRecords.Extent()
    private let address: DataAddress
    private let columns: [String]
    private let optional: Set<String>
    private let limits: UnpackingLimits
    /// The bytes of the files that were read whole.
    private var bytesBefore = 0

    init(
        _ address: DataAddress, columns: [String], optional: Set<String> = [], unpacking: UnpackingLimits = .usual,
        leavingOut: ((InputError) -> Void)? = nil
    ) {
        self.address = address
        self.columns = columns
        self.optional = optional
        limits = unpacking
        problems = ProblemList(address: address.text, leavingOut: leavingOut)
    }

    /// - Throws: `InputError` as `TextRecords.forEach`; what `body` throws. Structural problems are added to `problems`.
    mutating func run(_ body: Body) throws {
        for file in address.files {
            guard let container = Container(name: file), container.isArchive || address.entries == nil else {
                throw Self.unknownKind(file, problem: "is of an unknown kind")
            }
            let content = try MappedFile.data(at: URL(fileURLWithPath: file))
            extent.files += 1
            try content.withUnsafeBytes { bytes in
                switch container {
                case .text(let kind, .none): try readMapped(bytes, kind, file, body)
                case .text(let kind, let compression):
                    let mapped = MappedBytes(bytes)
                    let source = try unpacked(mapped, bytes.count, compression, file)
                    try readText(kind, file, { mapped.position }, next: source.next, body)
                case .tar(let compression):
                    let mapped = MappedBytes(bytes)
                    let source = try unpacked(mapped, bytes.count, compression, file)
                    try ArchiveReader.read(tar: source, file: file) { reader in
                        let size = compression == .none ? bytes.count : limits.unpacked(from: bytes.count)
                        let entries = ArchiveEntries(file, address.entries, unpackedSize: size, limits)
                        _ = try readEntries(entries, &reader, { mapped.position }, body)
                    }
                case .zip: try readZip(content, file, body)
                }
            }
            bytesBefore += content.count
        }
    }

    static func unknownKind(_ file: String, problem: String) -> InputError {
        InputError(
            file: file, problem: problem,
            remedy: "name it .csv, .tsv, .jsonl or .txt, as its content is, and .gz, .bz2, .xz or .zst too where it is "
                + "compressed; archives are .tar, .tar.gz (and so on) or .zip")
    }

    private func unpacked(
        _ mapped: MappedBytes, _ size: Int, _ compression: Compression, _ file: String
    ) throws -> any ByteSource {
        let source: any ByteSource =
            switch compression {
            case .none: mapped
            case .gzip: try GzipBytes(mapped, file: file)
            case .bzip2, .xz, .zstd: try FilteredBytes(mapped, compression, file: file)
            }
        guard compression != .none else { return source }
        return BoundedBytes(source, limit: limits.unpacked(from: size), file: file)
    }

    /// Reads the entries of an archive that are asked for.
    ///
    /// - Returns: how many entries the archive has, with those that were passed over.
    private mutating func readEntries(
        _ chosen: ArchiveEntries, _ reader: inout ArchiveReader, _ position: () -> Int, _ body: Body
    ) throws -> Int {
        var selection = chosen
        while let entry = try selection.next(&reader) {
            extent.entries += 1
            try readText(entry.kind, entry.name, position, next: { try selection.nextBlock(&reader) }, body)
        }
        return selection.count
    }

    private mutating func readZip(_ content: Data, _ file: String, _ body: Body) throws {
        let size = limits.unpacked(from: content.count)
        let count = try ArchiveReader.read(content, file: file, checksums: true, blockSize: 1 << 20) { reader in
            let entries = ArchiveEntries(file, address.entries, unpackedSize: size, limits)
            return try readEntries(entries, &reader, { 0 }, body)
        }
        if let declared = ZipArchive.declaredEntries(content), declared != count {
            throw InputError(
                file: file, problem: "damaged: its directory has \(count) entries, and says that there are \(declared)",
                remedy: "get the file again")
        }
    }

    private func readMapped(
        _ raw: UnsafeRawBufferPointer, _ kind: TextKind, _ file: String, _ body: Body
    ) throws {
        let bytes = raw.bindMemory(to: UInt8.self)
        var start = 0
        try readRecords(kind, file) { windows, count in
            repeat {
                let end = min(bytes.count, start + windows.size)
                start += try windows.take(.init(rebasing: bytes[start..<end]), isLast: end == bytes.count) {
                    count += 1
                    try body($0, bytesBefore + start + $1)
                }
                MappedFile.release(raw[max(0, start - windows.size)..<start])
                if end == bytes.count { return }
            } while true
        }
    }

    private func readText(
        _ kind: TextKind, _ name: String, _ position: () -> Int, next: () throws -> UnsafeRawBufferPointer?,
        _ body: Body
    ) throws {
        var buffer: [UInt8] = []
        var isLast = false
        try readRecords(kind, name) { windows, count in
            repeat {
                while buffer.count < windows.size, !isLast {
                    if let block = try next() { buffer += block } else { isLast = true }
                }
                let taken = try buffer.withUnsafeBufferPointer {
                    try windows.take($0, isLast: isLast) { record, _ in
                        count += 1
                        try body(record, bytesBefore + position())
                    }
                }
                buffer.removeFirst(taken)
            } while !isLast
        }
    }

    /// Lets `feed` hand a text to its reader, window by window, and count the records.
    private func readRecords(
        _ kind: TextKind, _ name: String, _ feed: (inout TextWindows, inout Int) throws -> Void
    ) throws {
        problems.file = name
        let (problemsBefore, leftOutBefore) = (problems.count, problems.leftOut)
        var count = 0
        var windows = TextWindows(reader(kind, name), file: name)
        try feed(&windows, &count)
        windows.finish()
        if count == 0, problems.count == problemsBefore, problems.leftOut == leftOutBefore { problems.addNoRecords() }
    }

    private func reader(_ kind: TextKind, _ name: String) -> any RecordReader {
        func delimited(_ delimiter: Unicode.Scalar) -> DelimitedText {
            DelimitedText(
                delimiter: UInt8(ascii: delimiter), columns: columns, optional: optional, file: name, problems: problems
            )
        }
        return switch kind {
        case .csv: delimited(",")
        case .tsv: delimited("\t")
        case .jsonl: JSONLines(columns: columns, optional: optional, file: name, problems: problems)
        case .txt: PlainLines(columns: columns, optional: optional, file: name, problems: problems)
        }
    }
}
