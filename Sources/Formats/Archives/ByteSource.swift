import CArchive
import Files
import Foundation

/// Bytes that are handed out piece by piece.
protocol ByteSource: AnyObject {
    /// The next bytes, at least one, valid until the next call; nil after the last.
    func next() throws -> UnsafeRawBufferPointer?
}

/// The bytes of a mapped file, which stay where they are.
final class MappedBytes: ByteSource {
    private static let blockSize = 1 << 20

    private let bytes: UnsafeRawBufferPointer
    /// The bytes handed out so far.
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    func next() -> UnsafeRawBufferPointer? {
        MappedFile.release(bytes[max(0, position - Self.blockSize)..<position])
        guard position < bytes.count else { return nil }
        let block = bytes[position..<min(bytes.count, position + Self.blockSize)]
        position = block.endIndex
        return UnsafeRawBufferPointer(rebasing: block)
    }
}

/// The bytes of another source, as long as there are not too many of them.
final class BoundedBytes: ByteSource {
    private let source: any ByteSource
    private let file: String
    private let limit: Int
    private var count = 0

    init(_ source: any ByteSource, limit: Int, file: String) {
        self.source = source
        self.limit = limit
        self.file = file
    }

    func next() throws -> UnsafeRawBufferPointer? {
        guard let block = try source.next() else { return nil }
        count += block.count
        guard count <= limit else { throw UnpackingLimits.exceeded(limit, file: file) }
        return block
    }
}

/// The bytes of a tar archive, which ends with zeros: without them, it was cut off between two of its entries.
final class TarBytes: ByteSource {
    private static let blockSize = 512

    private let source: any ByteSource
    private let file: String
    private var end: [UInt8] = []

    init(_ source: any ByteSource, file: String) {
        self.source = source
        self.file = file
    }

    func next() throws -> UnsafeRawBufferPointer? {
        guard let block = try source.next() else {
            guard end.count == Self.blockSize, end.allSatisfy({ $0 == 0 }) else {
                throw InputError(
                    file: file, problem: "damaged: ends without the zeros that end a tar archive",
                    remedy: "get the file again; it was cut off, or not written to its end")
            }
            return nil
        }
        end = Array((end + block.suffix(Self.blockSize)).suffix(Self.blockSize))
        return block
    }
}

/// Hands the bytes of a source to libarchive, and keeps the error that ended them.
final class ArchiveFeed {
    private let source: any ByteSource
    private(set) var failure: (any Error)?

    init(_ source: any ByteSource) {
        self.source = source
    }

    /// The feed must live for as long as the archive is read.
    func attach(to archive: OpaquePointer) {
        archive_read_set_callback_data(archive, Unmanaged.passUnretained(self).toOpaque())
        archive_read_set_read_callback(archive) { _, context, block in
            guard let context else { return -1 }
            return Unmanaged<ArchiveFeed>.fromOpaque(context).takeUnretainedValue().read(block)
        }
    }

    private func read(_ block: UnsafeMutablePointer<UnsafeRawPointer?>?) -> Int {
        do {
            guard failure == nil else { return -1 }
            guard let bytes = try source.next() else { return 0 }
            block?.pointee = bytes.baseAddress
            return bytes.count
        } catch {
            failure = error
            return -1
        }
    }
}
