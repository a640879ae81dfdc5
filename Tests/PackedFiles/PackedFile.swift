import CArchive
package import Foundation

/// Archives and compressed files for tests, made by libarchive's writer in memory.
package enum PackedFile {
    package struct Entry {
        package var name: [UInt8]
        package var content: Data
        /// The type and permissions, as in `stat`.
        package var mode: UInt32 = S_IFREG | 0o644
        package var symbolicLink: String?
        package var hardLink: String?

        package init(_ name: String, _ content: String = "", mode: UInt32 = S_IFREG | 0o644) {
            self.init(Array(name.utf8), Data(content.utf8), mode: mode)
        }

        package init(_ name: [UInt8], _ content: Data = Data(), mode: UInt32 = S_IFREG | 0o644) {
            self.name = name
            self.content = content
            self.mode = mode
        }
    }

    /// The names of all containers that hold entries.
    package static let archives = ["tar", "tar.gz", "tgz", "tar.bz2", "tar.xz", "tar.zst", "zip"]
    /// The ends of the names of compressed files.
    package static let compressions = ["gz", "bz2", "xz", "zst"]

    /// The archive whose name ends in `kind`.
    ///
    /// - Parameter password: encrypts a zip archive.
    package static func archive(_ kind: String, _ entries: [Entry], password: String? = nil) -> Data {
        let kind = kind == "tgz" ? "tar.gz" : kind
        return write { archive in
            if kind == "zip" {
                archive_write_set_format_zip(archive)
                if let password {
                    archive_write_set_options(archive, "zip:encryption=traditional")
                    archive_write_set_passphrase(archive, password)
                }
            } else {
                archive_write_set_format_ustar(archive)
                if let compression = kind.split(separator: ".").dropFirst().last { filter(archive, compression) }
            }
        } entries: {
            entries
        }
    }

    /// The content as `gz`, `bz2`, `xz` or `zst`.
    package static func compressed(_ kind: String, _ content: Data) -> Data {
        write { archive in
            archive_write_set_format_raw(archive)
            filter(archive, Substring(kind))
        } entries: {
            [Entry(Array("text".utf8), content)]
        }
    }

    private static func filter(_ archive: OpaquePointer, _ kind: Substring) {
        let status =
            switch kind {
            case "gz": archive_write_add_filter_gzip(archive)
            case "bz2": archive_write_add_filter_bzip2(archive)
            case "xz": archive_write_add_filter_xz(archive)
            default: archive_write_add_filter_zstd(archive)
            }
        precondition(status == ARCHIVE_OK)
    }

    private static func write(_ prepare: (OpaquePointer) -> Void, entries: () -> [Entry]) -> Data {
        let entries = entries()
        let archive = archive_write_new()!
        defer { archive_write_free(archive) }
        prepare(archive)
        archive_write_set_bytes_in_last_block(archive, 1)
        let capacity = entries.reduce(1 << 16) { $0 + $1.content.count + $1.content.count / 8 + 4096 }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
        defer { buffer.deallocate() }
        var used = 0
        precondition(archive_write_open_memory(archive, buffer.baseAddress, capacity, &used) == ARCHIVE_OK)
        for entry in entries {
            let header = archive_entry_new()
            defer { archive_entry_free(header) }
            (entry.name + [0]).withUnsafeBytes { name in
                archive_entry_set_pathname(header, name.bindMemory(to: CChar.self).baseAddress)
            }
            archive_entry_set_mode(header, entry.mode)
            archive_entry_set_size(header, Int64(entry.content.count))
            if let link = entry.symbolicLink { archive_entry_set_symlink(header, link) }
            if let link = entry.hardLink { archive_entry_set_hardlink(header, link) }
            precondition(
                archive_write_header(archive, header) == ARCHIVE_OK, String(cString: archive_error_string(archive)))
            entry.content.withUnsafeBytes { bytes in
                precondition(archive_write_data(archive, bytes.baseAddress, bytes.count) == bytes.count)
            }
        }
        precondition(archive_write_close(archive) == ARCHIVE_OK)
        return Data(buffer[..<used])
    }
}
