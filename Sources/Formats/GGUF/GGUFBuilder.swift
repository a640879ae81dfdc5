import Files
public import Foundation

/// Writes a GGUF file, version 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). The same content gives the same
/// bytes.
///
///     var file = GGUFBuilder(architecture: "llama")
///     file.set("general.name", .string("mini"))
///     file.add("token_embd.weight", .float32(shape: [64, 32], table))
///     try file.write(to: url)
public struct GGUFBuilder: Sendable {
    public enum Value: Sendable {
        case unsigned(UInt32)
        case float32(Float)
        case bool(Bool)
        case string(String)
        case integers([Int32])
        case floats([Float])
        case strings([String])
    }

    public let architecture: String
    private var metadata: [(key: String, value: Value)] = []
    private var tensors: [(name: String, tensor: StoredTensor)] = []

    private static let alignment = 32

    public init(architecture: String) {
        self.architecture = architecture
        set("general.architecture", .string(architecture))
    }

    /// Sets a key, which must be new.
    public mutating func set(_ key: String, _ value: Value) {
        precondition(!metadata.contains { $0.key == key }, "GGUFBuilder: \(key) is set twice")
        metadata.append((key, value))
    }

    /// Sets a key of the architecture.
    public mutating func setOwn(_ key: String, _ value: Value) {
        set("\(architecture).\(key)", value)
    }

    /// Adds a tensor; its shape is row-major and is written the other way round, as the format has it.
    public mutating func add(_ name: String, _ tensor: StoredTensor) {
        tensors.append((name, tensor))
    }

    /// Replaces the file at `url`.
    ///
    /// - Throws: `InputError` if two tensors share a name, ggml has no such element type, or the file cannot be written.
    public func write(to url: URL) throws {
        let header = try header(file: url.path)
        try AtomicFile.requireRoom(for: header.count + tensors.reduce(0) { $0 + $1.tensor.bytes.count }, at: url)
        try AtomicFile.replace(url) { aside in
            do {
                try Data().write(to: aside)
                let handle = try FileHandle(forWritingTo: aside)
                try handle.write(contentsOf: header)
                for (_, tensor) in tensors {
                    try handle.write(contentsOf: tensor.bytes)
                    try handle.write(contentsOf: Data(count: Self.padding(tensor.bytes.count)))
                }
                try handle.close()
            } catch {
                throw InputError(
                    file: url.path, problem: "cannot write: \(error.systemReason)",
                    remedy: "check the free space and the permissions")
            }
        }
    }

    private func header(file: String) throws -> Data {
        var bytes = Data("GGUF".utf8)
        bytes.append(plain: UInt32(3))
        bytes.append(plain: UInt64(tensors.count))
        bytes.append(plain: UInt64(metadata.count))
        for (key, value) in metadata {
            bytes.append(string: key)
            bytes.append(value)
        }
        var (names, offset) = (Set<String>(), 0)
        for (name, tensor) in tensors {
            guard names.insert(name).inserted else {
                throw InputError(file: file, field: name, problem: "two tensors have this name")
            }
            guard let code = GGMLType.code(of: tensor.type) else {
                throw InputError(
                    file: file, field: name, problem: "GGUF files are not written with \(tensor.type.rawValue)")
            }
            bytes.append(string: name)
            bytes.append(plain: UInt32(tensor.shape.count))
            for extent in tensor.shape.reversed() { bytes.append(plain: UInt64(extent)) }
            bytes.append(plain: code)
            bytes.append(plain: UInt64(offset))
            offset += tensor.bytes.count + Self.padding(tensor.bytes.count)
        }
        bytes.append(Data(count: Self.padding(bytes.count)))
        return bytes
    }

    private static func padding(_ count: Int) -> Int {
        (alignment - count % alignment) % alignment
    }
}

extension Data {
    fileprivate mutating func append<Number: BitwiseCopyable>(plain number: Number) {
        Swift.withUnsafeBytes(of: number) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(string: String) {
        append(plain: UInt64(string.utf8.count))
        append(contentsOf: string.utf8)
    }

    fileprivate mutating func append(_ value: GGUFBuilder.Value) {
        func array(_ type: GGUFArray.Element, _ count: Int, _ body: (inout Data) -> Void) {
            append(plain: UInt32(9))
            append(plain: type.rawValue)
            append(plain: UInt64(count))
            body(&self)
        }
        switch value {
        case .unsigned(let number):
            append(plain: GGUFArray.Element.uint32.rawValue)
            append(plain: number)
        case .float32(let number):
            append(plain: GGUFArray.Element.float32.rawValue)
            append(plain: number)
        case .bool(let flag):
            append(plain: GGUFArray.Element.bool.rawValue)
            append(flag ? 1 : 0)
        case .string(let text):
            append(plain: GGUFArray.Element.string.rawValue)
            append(string: text)
        case .integers(let numbers):
            array(.int32, numbers.count) { data in for number in numbers { data.append(plain: number) } }
        case .floats(let numbers):
            array(.float32, numbers.count) { data in for number in numbers { data.append(plain: number) } }
        case .strings(let texts):
            array(.string, texts.count) { data in for text in texts { data.append(string: text) } }
        }
    }
}
