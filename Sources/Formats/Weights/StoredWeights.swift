import Files
public import Foundation

/// The tensors of a published model, whichever file format holds them.
public struct StoredWeights: Sendable {
    public enum Format: String, Sendable {
        case safetensors, gguf, pytorch
    }

    public let format: Format
    /// The file that was opened: what an error about all of the weights names.
    public let file: String
    /// In the order of the file, or of the shards' names.
    public let names: [String]
    public let tensors: [String: StoredTensor]
    /// Where the weights are split: the file of each tensor.
    private let shards: [String: String]

    /// Opens the weights of a model directory: the first of `model.safetensors`, `model.safetensors.index.json`,
    /// `pytorch_model.bin`, `pytorch_model.bin.index.json` and a single GGUF file that is there.
    ///
    /// - Throws: `InputError` if there is none, and as for a file.
    public init(directory: URL) throws {
        for name in Self.published {
            let url = directory.appendingPathComponent(name)
            if FileManager.default.fileExists(atPath: url.path) {
                try self.init(file: url)
                return
            }
        }
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        let quantized = entries.filter { $0.hasSuffix(".gguf") }.sorted()
        guard let name = quantized.first, quantized.count == 1 else {
            throw InputError(
                file: directory.path,
                problem: quantized.isEmpty
                    ? "no weights: expected \(Self.published.joined(separator: ", ")) or a .gguf file"
                    : "several GGUF files: \(quantized.joined(separator: ", "))",
                remedy: quantized.isEmpty
                    ? "give the directory of a published model, or the file itself" : "give the one that you mean")
        }
        try self.init(file: directory.appendingPathComponent(name))
    }

    /// Whether a directory has a file of weights, one that can be read or not.
    public static func exist(in directory: URL) -> Bool {
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        return entries.contains { published.contains($0) || $0.hasSuffix(".gguf") }
    }

    private static let published = [
        "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
    ]

    /// Opens a weight file, or the index of one in shards; its content tells the format, not its name. No weights are
    /// loaded: the tensors are slices of the mapped file.
    ///
    /// - Throws: `InputError` if the format is not known or the file is damaged; `InputErrors` with every tensor and shard
    ///   that is wrong.
    public init(file url: URL) throws {
        let bytes = try MappedFile.data(at: url)
        var shards: [String: String] = [:]
        let format: Format
        let tensors: [(name: String, tensor: StoredTensor)]
        // A damaged file keeps its name: its reader says best what is wrong.
        switch FileKind(bytes) ?? (url.pathExtension == "safetensors" ? .safetensors : nil) {
        case .safetensors: (format, tensors) = (.safetensors, try Safetensors(reading: url).tensors)
        case .gguf: (format, tensors) = (.gguf, try GGUFFile(reading: url).tensors)
        case .pyTorch: (format, tensors) = (.pytorch, try PyTorchArchive(reading: url).tensors)
        case .shardIndex:
            let split = try ShardedWeights(index: url)
            guard split.faults.isEmpty else { throw InputErrors(split.faults) }
            (format, tensors, shards) = (split.format, split.tensors, split.files)
        case .hdf5, .onnx, nil:
            throw FileKind.unknown(
                bytes, file: url.path, read: "safetensors, GGUF and PyTorch files, and the indices of their shards,")
        }
        self.init(format, tensors, file: url.path, shards: shards)
    }

    /// The tensors of a GGUF file that is open.
    public init(_ file: GGUFFile) {
        self.init(.gguf, file.tensors, file: file.path, shards: [:])
    }

    private init(
        _ format: Format, _ tensors: [(name: String, tensor: StoredTensor)], file: String, shards: [String: String]
    ) {
        self.format = format
        self.file = file
        names = tensors.map(\.name)
        self.tensors = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.tensor) })
        self.shards = shards
    }

    /// The same file with other tensors.
    func replacing(_ names: [String], _ tensors: [String: StoredTensor]) -> StoredWeights {
        StoredWeights(
            format, names.compactMap { name in tensors[name].map { (name, $0) } }, file: file, shards: shards)
    }

    /// The bytes of all files that hold the tensors; an index is not counted.
    public var byteCount: Int {
        (shards.isEmpty ? [file] : Set(shards.values).sorted()).reduce(0) { $0 + (FileSize.bytes(at: $1) ?? 0) }
    }

    /// The file that holds the tensor: what an error about it names.
    public func file(of name: String) -> String {
        shards[name] ?? file
    }
}
