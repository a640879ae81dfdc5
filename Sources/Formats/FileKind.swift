import Files
public import Foundation

/// What a file is, told by its first bytes and not by its name.
public enum FileKind: Sendable {
    case safetensors, gguf, pyTorch, shardIndex, hdf5, onnx

    /// Nil if the first bytes are those of no file that is known here.
    init?(_ bytes: Data) {
        let start = bytes.prefix(Self.startLength)
        // The length that safetensors begin with may look like the beginning of any other.
        if start.count > 8, start.dropFirst(4).prefix(4).allSatisfy({ $0 == 0 }),
            start.dropFirst(8).first == UInt8(ascii: "{")
        {
            self = .safetensors
        } else if start.starts(with: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .hdf5
        } else if start.starts(with: "GGUF".utf8) {
            self = .gguf
        } else if start.starts(with: "PK".utf8) || PyTorchContainer.isBarePickle(start) {
            self = .pyTorch
        } else if start.first == UInt8(ascii: "{") {
            self = .shardIndex
        } else if start.first == Self.onnxStart {
            self = .onnx
        } else {
            return nil
        }
    }

    /// What the file at `url` is; nil too where it cannot be read, and for pipes, which would be waited for.
    public init?(at url: URL) {
        guard PathKind(of: url.path) == .file else { return nil }
        guard let handle = try? FileHandle(forReadingFrom: url) else { return nil }
        defer { try? handle.close() }
        guard let start = try? handle.read(upToCount: Self.startLength) else { return nil }
        self.init(start)
    }

    /// Bytes that tell all kinds apart.
    private static let startLength = 16

    /// Protocol buffers are written in the order of their field numbers: the first of a model is its IR version.
    private static let onnxStart: UInt8 = 1 << 3

    /// What to say of a file that is none of the kinds that are read.
    static func unknown(_ bytes: Data, file: String, read kinds: String) -> InputError {
        if bytes.starts(with: "version https://git-lfs.".utf8) {
            return InputError(
                file: file, problem: "a Git LFS pointer: the file itself was not downloaded", remedy: "git lfs pull")
        }
        return InputError(file: file, problem: "not a file that is known here", remedy: "\(kinds) are read")
    }
}
