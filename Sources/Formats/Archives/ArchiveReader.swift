import CArchive
import Files
import Foundation

/// Walks the entries of a zip archive that lies in memory, or of a tar archive that comes piece by piece, through libarchive.
///
/// Blocks of an entry that a zip archive stores as it is are slices of its memory; nothing is read before it is asked for.
struct ArchiveReader: ~Copyable {
    struct Entry {
        enum Kind {
            case file, directory, link, other
        }

        /// How the archive itself compresses the entry.
        enum Method {
            case stored, deflated, other
        }

        var name: String
        var kind: Kind
        /// Nil if the archive does not say.
        var size: Int?
        var isEncrypted: Bool
        var method: Method
        /// Whether its bytes lie in the archive as they are.
        var isStored: Bool { method == .stored }
    }

    private enum Source {
        case zip(ArchiveSource)
        case tar(ArchiveFeed)
    }

    private let archive: OpaquePointer
    private let source: Source
    private let file: String
    /// The entry whose blocks come next: what errors name.
    private var name: String?
    /// Where the entry's bytes begin, and how many were read of those before it: overlapping entries would have the same
    /// bytes read many times.
    private var entryStart = 0
    private var bytesRead = 0
    /// The bytes of the entry that were read so far.
    private var entryBytes = 0

    /// Opens a zip archive for as long as `body` runs.
    ///
    /// - Parameters:
    ///   - file: named in errors.
    ///   - checksums: whether reading an entry's blocks compares its checksum, which touches all of its bytes.
    ///   - blockSize: the most bytes of the archive that are taken up at once.
    static func read<Result>(
        _ bytes: Data, file: String, checksums: Bool, blockSize: Int = .max,
        _ body: (inout ArchiveReader) throws -> Result
    ) throws -> Result {
        try bytes.withUnsafeBytes { bytes in
            let source = ArchiveSource(bytes, blockSize: blockSize)
            return try read(.zip(source), file: file, body) { archive in
                archive_read_support_format_zip_seekable(archive)
                if !checksums { archive_read_set_option(archive, "zip", "ignorecrc32", "1") }
                source.attach(to: archive)
            }
        }
    }

    /// Opens a tar archive for as long as `body` runs: several ones after the other are taken as one.
    static func read<Result>(
        tar bytes: any ByteSource, file: String, _ body: (inout ArchiveReader) throws -> Result
    ) throws -> Result {
        let feed = ArchiveFeed(TarBytes(bytes, file: file))
        return try read(.tar(feed), file: file, body) { archive in
            archive_read_support_format_tar(archive)
            archive_read_set_option(archive, "tar", "read_concatenated_archives", "1")
            feed.attach(to: archive)
        }
    }

    private static func read<Result>(
        _ source: Source, file: String, _ body: (inout ArchiveReader) throws -> Result,
        prepare: (OpaquePointer) -> Void
    ) throws -> Result {
        // libarchive converts names to the thread's character set, which is ASCII where nobody chose another.
        let utf8 = newlocale(Int32(1) << Int32(LC_CTYPE), "C.UTF-8", nil)
        let previous = uselocale(utf8)
        defer {
            uselocale(previous)
            if let utf8 { freelocale(utf8) }
        }
        guard let archive = archive_read_new() else { throw InputError(file: file, problem: "out of memory") }
        var reader = ArchiveReader(archive, source, file: file)
        prepare(archive)
        try reader.check(archive_read_open1(archive))
        return try body(&reader)
    }

    private init(_ archive: OpaquePointer, _ source: Source, file: String) {
        self.archive = archive
        self.source = source
        self.file = file
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
        if let path = archive_entry_pathname(header) { name = EntryName.printable(String(cString: path)) }
        try check(status)
        if case .zip(let source) = source { source.allowance = .max }
        entryStart = position
        entryBytes = 0
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
            method: method)
    }

    private var method: Entry.Method {
        guard case .zip = source else { return .stored }
        // There is no other way to ask.
        let format = archive_format_name(archive).map { String(cString: $0) } ?? ""
        return format.hasSuffix("(uncompressed)") ? .stored : format.hasSuffix("(deflation)") ? .deflated : .other
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
            switch source {
            case .zip(let source):
                guard bytesRead + position - entryStart <= source.bytes.count else {
                    throw problem("its bytes overlap those of another entry")
                }
            case .tar:
                guard offset == Int64(entryBytes) else { throw problem("a sparse file, which has gaps; not read") }
                entryBytes += count
            }
            if count > 0 { return UnsafeRawBufferPointer(start: start, count: count) }
        }
    }

    private func check(_ status: Int32) throws {
        guard status != ARCHIVE_OK else { return }
        let format: String
        switch source {
        case .zip(let source):
            guard source.allowance >= 0 else {
                throw problem("the list of its entries takes more than \(ArchiveSource.longestList >> 20) MiB")
            }
            format = "zip"
        case .tar(let feed):
            if let failure = feed.failure { throw failure }
            format = "tar"
        }
        let reason = archive_error_string(archive).map { String(cString: $0) } ?? "unknown reason"
        throw problem("damaged\(name == nil ? ", or not a \(format) archive" : ""): \(reason)")
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
    private static let listBlockSize = 256 << 10

    /// Bytes that may still be handed out; endless once the list of entries is read.
    var allowance = longestList
    let bytes: UnsafeRawBufferPointer
    private let blockSize: Int
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer, blockSize: Int) {
        self.bytes = bytes
        self.blockSize = blockSize
    }

    /// The source must live for as long as the archive is read.
    func attach(to archive: OpaquePointer) {
        archive_read_set_callback_data(archive, Unmanaged.passUnretained(self).toOpaque())
        archive_read_set_read_callback(archive) { _, source, block in ArchiveSource.from(source).read(block) }
        archive_read_set_seek_callback(archive) { _, source, offset, origin in
            ArchiveSource.from(source).seek(to: offset, from: origin)
        }
    }

    private static func from(_ context: UnsafeMutableRawPointer?) -> ArchiveSource {
        guard let context else { preconditionFailure("libarchive lost the source of its bytes") }
        return Unmanaged.fromOpaque(context).takeUnretainedValue()
    }

    func read(_ block: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
        let rest = bytes.count - position
        let count = min(rest, allowance == .max ? blockSize : Self.listBlockSize)
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
