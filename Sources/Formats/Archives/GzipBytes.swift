import CZlib
import Files
import Foundation

/// Unpacks gzip (RFC 1952), also several members one after the other, and compares checksums and lengths, which
/// libarchive's reader does not.
final class GzipBytes: ByteSource {
    private static let bufferSize = 256 << 10

    private let source: any ByteSource
    private let file: String
    /// zlib keeps its address.
    private let stream: UnsafeMutablePointer<z_stream>
    private let buffer: UnsafeMutableRawBufferPointer
    private var members = 0
    private var isBetweenMembers = true

    init(_ source: any ByteSource, file: String) throws {
        self.source = source
        self.file = file
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 16)
        guard retort_inflate_gzip(stream) == Z_OK else { throw InputError(file: file, problem: "out of memory") }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        buffer.deallocate()
    }

    func next() throws -> UnsafeRawBufferPointer? {
        stream.pointee.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(Self.bufferSize)
        while stream.pointee.avail_out > 0, try fill() {
            guard !isBetweenMembers || startMember() else { continue }
            switch inflate(stream, Z_NO_FLUSH) {
            case Z_OK, Z_BUF_ERROR: break
            case Z_STREAM_END:
                isBetweenMembers = true
                members += 1
            default: throw damaged(stream.pointee.msg.map { String(cString: $0) } ?? "invalid data")
            }
        }
        let count = Self.bufferSize - Int(stream.pointee.avail_out)
        return count > 0 ? UnsafeRawBufferPointer(rebasing: buffer[..<count]) : nil
    }

    /// Sees to it that there are bytes to unpack; false at the end of the source.
    private func fill() throws -> Bool {
        guard stream.pointee.avail_in == 0 else { return true }
        guard let block = try source.next() else {
            guard isBetweenMembers, members > 0 else { throw damaged("it ends in the middle; it was cut off") }
            return false
        }
        // Nothing is written through it; zlib declares it so for old compilers.
        stream.pointee.next_in = UnsafeMutableRawPointer(mutating: block.baseAddress)?.assumingMemoryBound(
            to: UInt8.self)
        stream.pointee.avail_in = UInt32(block.count)
        return true
    }

    /// Passes the zeros that tapes and some writers put after a member; true if another one begins.
    private func startMember() -> Bool {
        while members > 0, stream.pointee.avail_in > 0, stream.pointee.next_in?.pointee == 0 {
            stream.pointee.next_in += 1
            stream.pointee.avail_in -= 1
        }
        guard stream.pointee.avail_in > 0 else { return false }
        if members > 0 { inflateReset(stream) }
        isBetweenMembers = false
        return true
    }

    private func damaged(_ reason: String) -> InputError {
        InputError(
            file: file, problem: "damaged\(members == 0 ? ", or not gzip" : ""): \(reason)",
            remedy: "get the file again, or name it as its content is")
    }
}
