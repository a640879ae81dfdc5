import CArchive
import Files
import Foundation

/// Unpacks bzip2, xz and Zstandard through libarchive, whose libraries compare their checksums.
final class FilteredBytes: ByteSource {
    private let feed: ArchiveFeed
    private let archive: OpaquePointer
    private let file: String
    private let compression: Compression
    private var hasBegun = false

    init(_ source: any ByteSource, _ compression: Compression, file: String) throws {
        guard let archive = archive_read_new() else { throw InputError(file: file, problem: "out of memory") }
        self.archive = archive
        self.file = file
        self.compression = compression
        feed = ArchiveFeed(source)
    }

    deinit {
        archive_read_free(archive)
    }

    func next() throws -> UnsafeRawBufferPointer? {
        if !hasBegun {
            hasBegun = true
            guard try begin() else { return nil }
        }
        while true {
            var start: UnsafeRawPointer?
            var count = 0
            var offset: Int64 = 0
            let status = archive_read_data_block(archive, &start, &count, &offset)
            guard status != ARCHIVE_EOF else { return nil }
            try check(status)
            if count > 0 { return UnsafeRawBufferPointer(start: start, count: count) }
        }
    }

    /// False if there is nothing inside.
    private func begin() throws -> Bool {
        let status =
            switch compression {
            case .bzip2: archive_read_support_filter_bzip2(archive)
            case .xz: archive_read_support_filter_xz(archive)
            case .zstd: archive_read_support_filter_zstd(archive)
            case .none, .gzip: ARCHIVE_OK
            }
        // It would start a program of that name instead, which a file must not make us do.
        guard status == ARCHIVE_OK else {
            throw InputError(
                file: file, problem: "this machine's libarchive cannot unpack \(compression.rawValue)",
                remedy: "unpack the file, or install a libarchive that can")
        }
        archive_read_support_format_raw(archive)
        archive_read_support_format_empty(archive)
        feed.attach(to: archive)
        try check(archive_read_open1(archive))
        var header: OpaquePointer?
        let opened = archive_read_next_header(archive, &header)
        if opened != ARCHIVE_EOF { try check(opened) }
        // The filter, and the bytes that it reads.
        guard archive_filter_count(archive) == 2 else {
            throw InputError(
                file: file, problem: "is not \(compression.rawValue), or \(compression.rawValue) inside of itself",
                remedy: "name it as its content is")
        }
        return opened != ARCHIVE_EOF
    }

    private func check(_ status: Int32) throws {
        if let failure = feed.failure { throw failure }
        guard status != ARCHIVE_OK else { return }
        let reason = archive_error_string(archive).map { String(cString: $0) } ?? "invalid data"
        throw InputError(file: file, problem: "damaged: \(reason)", remedy: "get the file again")
    }
}
