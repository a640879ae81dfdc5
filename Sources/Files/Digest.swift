import Crypto
public import Foundation

/// SHA-256 digests as lower-case hexadecimal, used to tell whether inputs changed and whether a file is intact.
public enum Digest {
    public static func sha256(_ data: Data) -> String {
        hexadecimal(SHA256.hash(data: data))
    }

    public static func sha256(_ text: String) -> String {
        sha256(Data(text.utf8))
    }

    /// Reads the file in pieces; memory does not grow with its size.
    ///
    /// - Throws: `InputError` for what cannot be opened or is no ordinary file: a pipe would be waited for.
    public static func sha256(fileAt url: URL) throws -> String {
        guard [nil, .file].contains(PathKind(of: url.path)) else {
            throw InputError(file: url.path, problem: "is no ordinary file", remedy: "give a file in its place")
        }
        let handle: FileHandle
        do {
            handle = try FileHandle(forReadingFrom: url)
        } catch {
            throw InputError(
                file: url.path, problem: "cannot open to read", remedy: "check the path and its permissions")
        }
        defer { try? handle.close() }
        var running = Running()
        while let piece = try handle.read(upToCount: 1 << 20), !piece.isEmpty {
            piece.withUnsafeBytes { running.update($0) }
        }
        return running.sha256
    }

    /// The digest of bytes that come piece by piece.
    public struct Running {
        private var hash = SHA256()

        public init() {}

        public mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }

        /// Of all bytes so far.
        public var sha256: String { hexadecimal(hash.finalize()) }
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }
}
