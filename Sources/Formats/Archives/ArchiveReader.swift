import CArchive
import Files
import Foundation

/// Walks the entries of an archive that lies in memory, through libarchive.
///
/// Blocks of an entry that is stored as it is are slices of that memory; nothing is read before it is asked for.
struct ArchiveReader: ~Copyable {
    struct Entry {
        enum Kind {
            case file, directory, link, other
        }

        var name: String
        var kind: Kind
        /// Nil if the archive does not say.
        var size: Int?
        var isEncrypted: Bool
        /// Whether its bytes lie in the archive as they are.
        var isStored: Bool
    }

    private let archive: OpaquePointer
    private let source: ArchiveSource
    private let file: String
    /// The entry whose blocks come next: what errors name.
    private var name: String?
    /// Where the entry's bytes begin, and how many were read of those before it: overlapping entries would have the same
    /// bytes read many times.
    private var entryStart = 0
    private var bytesRead = 0

    /// Opens the archive for as long as `body` runs.
    ///
    /// - Parameters:
    ///   - file: named in errors.
    ///   - checksums: whether reading an entry's blocks compares its checksum, which touches all of its bytes.
    static func read<Result>(
        _ bytes: Data, file: String, checksums: Bool, _ body: (inout ArchiveReader) throws -> Result
    ) throws -> Result {
        // libarchive converts names to the thread's character set, which is ASCII where nobody chose another.
        let utf8 = newlocale(Int32(1) << Int32(LC_CTYPE), "C.UTF-8", nil)
        let previous = uselocale(utf8)
        defer {
            uselocale(previous)
            if let utf8 { freelocale(utf8) }
        }
        return try bytes.withUnsafeBytes { bytes in
            guard let archive = archive_read_new() else { throw InputError(file: file, problem: "out of memory") }
            var reader = ArchiveReader(archive, bytes, file: file)
            try reader.open(checksums: checksums)
            return try body(&reader)
        }
    }

    private init(_ archive: OpaquePointer, _ bytes: UnsafeRawBufferPointer, file: String) {
        self.archive = archive
        self.file = file
        source = ArchiveSource(bytes)
    }

    private func open(checksums: Bool) throws {
        archive_read_support_format_zip_seekable(archive)
        if !checksums { archive_read_set_option(archive, "zip", "ignorecrc32", "1") }
        archive_read_set_callback_data(archive, Unmanaged.passUnretained(source).toOpaque())
        archive_read_set_read_callback(archive) { _, source, block in ArchiveSource.from(source).read(block) }
        archive_read_set_seek_callback(archive) { _, source, offset, origin in
            ArchiveSource.from(source).seek(to: offset, from: origin)
        }
        try check(archive_read_open1(archive))
    }

    deinit {
        archive_read_free(archive)
    }

    /// Goes to the next entry; nil after the last.
    mutating func next() throws -> Entry? {
        name = nil
        bytesRead += position - entryStart
        entryStart = position
        var header: OpaquePointer?
        let status = archive_read_next_header(archive, &header)
        guard status != ARCHIVE_EOF else { return nil }
        if let path = archive_entry_pathname(header) { name = String(cString: path) }
        try check(status)
        source.allowance = .max
        entryStart = position
        guard let path = archive_entry_pathname(header), let name = String(validatingCString: path) else {
            throw problem("an entry's name is not UTF-8")
        }
        let isLink = archive_entry_hardlink(header) != nil || archive_entry_symlink(header) != nil
        let kind: Entry.Kind =
            switch archive_entry_filetype(header) {
            case S_IFREG: isLink ? .link : .file
            case S_IFDIR: .directory
            case S_IFLNK: .link
            default: .other
            }
        return Entry(
            name: name, kind: kind,
            size: archive_entry_size_is_set(header) != 0 ? Int(archive_entry_size(header)) : nil,
            isEncrypted: archive_entry_is_encrypted(header) != 0,
            // There is no other way to ask. Where the words differ, entries count as compressed, and are read right.
            isStored: archive_format_name(archive).map { String(cString: $0) }?.hasSuffix("(uncompressed)") == true)
    }

    private var position: Int { Int(archive_filter_bytes(archive, 0)) }

    /// The next bytes of the entry, valid until the next call; nil after the last.
    mutating func nextBlock() throws -> UnsafeRawBufferPointer? {
        while true {
            var start: UnsafeRawPointer?
            var count = 0
            var offset: Int64 = 0
            let status = archive_read_data_block(archive, &start, &count, &offset)
            guard status != ARCHIVE_EOF else { return nil }
            try check(status)
            guard bytesRead + position - entryStart <= source.bytes.count else {
                throw problem("its bytes overlap those of another entry")
            }
            if count > 0 { return UnsafeRawBufferPointer(start: start, count: count) }
        }
    }

    private func check(_ status: Int32) throws {
        guard status != ARCHIVE_OK else { return }
        guard source.allowance >= 0 else {
            throw problem("the list of its entries takes more than \(ArchiveSource.longestList >> 20) MiB")
        }
        let reason = archive_error_string(archive).map { String(cString: $0) } ?? "unknown reason"
        throw problem("damaged\(name == nil ? ", or not a zip archive" : ""): \(reason)")
    }

    private func problem(_ problem: String) -> InputError {
        InputError(file: file, field: name, problem: problem, remedy: "download or export the file again")
    }
}

/// The bytes behind an archive, handed to libarchive block by block and never copied.
private final class ArchiveSource {
    /// libarchive keeps the list of entries, several times as large as in the file, in memory: a list that is longer
    /// than any real one is refused, so that memory stays bounded.
    static let longestList = 8 << 20
    private static let blockSize = 256 << 10

    /// Bytes that may still be handed out; endless once the list of entries is read.
    var allowance = longestList
    let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    static func from(_ context: UnsafeMutableRawPointer?) -> ArchiveSource {
        guard let context else { preconditionFailure("libarchive lost the source of its bytes") }
        return Unmanaged.fromOpaque(context).takeUnretainedValue()
    }

    func read(_ block: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
        let rest = bytes.count - position
        let count = allowance == .max ? rest : min(rest, Self.blockSize)
        guard count > 0 else { return 0 }
        if allowance != .max { allowance -= count }
        guard allowance >= 0 else { return -1 }
        block?.pointee = bytes.baseAddress.map { UnsafeRawPointer($0 + position) }
        position += count
        return count
    }

    func seek(to offset: Int64, from origin: Int32) -> Int64 {
        let start = origin == SEEK_SET ? 0 : origin == SEEK_CUR ? position : bytes.count
        let (target, overflows) = start.addingReportingOverflow(Int(offset))
        guard !overflows, (0...bytes.count).contains(target) else { return Int64(ARCHIVE_FATAL) }
        position = target
        return Int64(target)
    }
}
