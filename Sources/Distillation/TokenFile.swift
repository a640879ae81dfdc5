import Files
public import Foundation

/// One long sequence of tokens on the disk, as little-endian 32-bit ids and nothing else, cut into windows of equal length.
///
/// A window is read when it is asked for, so memory does not grow with the corpus.
public struct TokenFile: TokenRows {
    /// In the whole file.
    public let tokenCount: Int
    /// The windows: the last one may be shorter; one of a single token, which predicts nothing, is left out.
    public let count: Int
    private let window: Int
    private let file: OpenFile

    private static let idSize = MemoryLayout<Int32>.size

    /// - Parameter window: tokens of a row, at least 2.
    /// - Throws: `InputError` where the file cannot be read or is no sequence of ids.
    public init(reading url: URL, window: Int) throws {
        precondition(window >= 2, "TokenFile: windows of \(window)")
        file = try OpenFile(url)
        guard file.size.isMultiple(of: Self.idSize) else {
            throw InputError(
                file: url.path, problem: "\(file.size) bytes are no sequence of 32-bit ids",
                remedy: "remove it; the run writes it anew")
        }
        tokenCount = file.size / Self.idSize
        self.window = window
        count = tokenCount / window + (tokenCount % window > 1 ? 1 : 0)
    }

    public func length(_ row: Int) -> Int {
        min(window, tokenCount - row * window)
    }

    public func tokens(_ row: Int) throws -> [Int32] {
        precondition((0..<count).contains(row), "TokenFile: row \(row) of \(count)")
        let length = length(row)
        return try [Int32](unsafeUninitializedCapacity: length) { buffer, filled in
            try file.read(UnsafeMutableRawBufferPointer(buffer), at: row * window * Self.idSize)
            filled = length
        }.map(Int32.init(littleEndian:))
    }
}

/// Writes a `TokenFile`, some tokens at a time.
public struct TokenFileWriter {
    private let handle: FileHandle
    private let url: URL
    public private(set) var count = 0

    /// Writes the file whole or not at all.
    ///
    /// - Returns: its number of tokens.
    @discardableResult
    public static func write(to url: URL, _ body: (inout TokenFileWriter) throws -> Void) throws -> Int {
        var count = 0
        try AtomicFile.replace(url) { aside in
            guard FileManager.default.createFile(atPath: aside.path, contents: nil),
                let handle = FileHandle(forWritingAtPath: aside.path)
            else { throw InputError(file: url.path, problem: "cannot write: \(String(cString: strerror(errno)))") }
            var writer = TokenFileWriter(handle: handle, url: url)
            try body(&writer)
            try handle.close()
            count = writer.count
        }
        return count
    }

    public mutating func append(_ tokens: [Int32]) throws {
        let bytes = tokens.map(\.littleEndian).withUnsafeBytes { Data($0) }
        do {
            try handle.write(contentsOf: bytes)
        } catch {
            throw InputError(
                file: url.path, problem: "cannot write: \(error.systemReason)",
                remedy: "free some disk space; then retort resume")
        }
        count += tokens.count
    }
}

/// A file that is open for reading; closed with its last holder.
private final class OpenFile: Sendable {
    let size: Int
    private let descriptor: Int32
    private let path: String

    init(_ url: URL) throws {
        path = url.path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            throw InputError(file: path, problem: "cannot read: \(String(cString: strerror(errno)))")
        }
        size = Int(status.st_size)
    }

    /// Fills the buffer from a place in the file.
    func read(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        var done = 0
        while done < buffer.count {
            let read = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
            if read < 0, errno == EINTR { continue }
            guard read > 0 else {
                throw InputError(
                    file: path,
                    problem: read == 0 ? "became shorter while it was read" : String(cString: strerror(errno)),
                    remedy: "remove it; the run writes it anew")
            }
            done += read
        }
    }

    deinit {
        close(descriptor)
    }
}
