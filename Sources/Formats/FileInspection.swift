import Files
public import Foundation

/// What is inside a file, told by its content and not by its name: for `retort inspect`.
public struct FileInspection: Codable, Equatable, Sendable {
    public enum Format: String, Codable, Sendable {
        case safetensors, gguf, pytorch, shards, hdf5, onnx, directory, tokenizer
    }

    /// A fact about the file, in the order in which it is worth reading.
    public struct Property: Codable, Equatable, Sendable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public struct Tensor: Codable, Equatable, Sendable {
        public var name: String
        /// An `ElementType`, or `other` where the file's type is not read.
        public var type: String
        public var shape: [Int]
        /// Bytes in the file, compressed if the tensor is.
        public var bytes: Int
    }

    /// Version of the keys.
    public var schema = 1
    public var format: Format
    public var metadata: [Property]
    public var tensors: [Tensor]
    /// What is wrong with a file that can be read in part.
    public var problems: [String] = []

    /// What others found out about a file without tensors.
    public init(format: Format, metadata: [Property]) {
        self.format = format
        self.metadata = metadata
        tensors = []
    }

    /// - Throws: `InputError` if the file is none of the known formats, or so damaged that nothing can be told of it.
    public init(of url: URL) throws {
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory), isDirectory.boolValue {
            try self.init(directory: url)
            return
        }
        let bytes = try MappedFile.data(at: url)
        switch FileKind(bytes) {
        case .hdf5: try self.init(HDF5File(reading: url))
        case .gguf: self.init(try GGUFFile(reading: url))
        case .safetensors: self.init(try Safetensors(reading: url))
        case .pyTorch: try self.init(pyTorch: bytes, file: url.path)
        case .shardIndex: self.init(try ShardedWeights(index: url))
        case .onnx: self.init(try ONNXModel(reading: url))
        case nil:
            throw FileKind.unknown(
                bytes, file: url.path,
                read: "safetensors, GGUF, PyTorch, HDF5 and ONNX files, indices of shards, and directories of them")
        }
    }

    private init(_ file: Safetensors) {
        format = .safetensors
        metadata = file.metadata.sorted { $0.key < $1.key }.map { Property(name: $0.key, value: $0.value) }
        tensors = file.tensors.map { Tensor($0.name, $0.tensor) }
    }

    private init(_ model: ONNXModel) {
        format = .onnx
        let sets = model.operatorSets.sorted { $0.key < $1.key }
        metadata = [
            Property(name: "ir_version", value: "\(model.irVersion)"),
            Property(
                name: "operator_sets",
                value: sets.map { "\($0.key.isEmpty ? "ai.onnx" : $0.key) \($0.value)" }.joined(separator: ", ")),
            Property(name: "producer", value: model.producer),
        ]
        metadata += model.inputs.map { Property(name: "input \($0.name)", value: Self.describe($0)) }
        metadata += model.outputs.map { Property(name: "output \($0.name)", value: Self.describe($0)) }
        let counts = Dictionary(model.nodes.map { ($0.operation, 1) }, uniquingKeysWith: +).sorted { $0.key < $1.key }
        metadata.append(
            Property(name: "nodes", value: counts.map { "\($0.key) \($0.value)" }.joined(separator: ", ")))
        metadata += model.metadata.sorted { $0.key < $1.key }.map { Property(name: $0.key, value: $0.value) }
        tensors = model.initializers.map { Tensor($0.name, $0.tensor) }
    }

    private static func describe(_ value: ONNXModel.Value) -> String {
        let shape = value.shape?.map { extent in
            switch extent {
            case .fixed(let extent): "\(extent)"
            case .named(let name): name.isEmpty ? "?" : name
            }
        }
        let extents = shape.map { "[\($0.joined(separator: ", "))]" } ?? "of unknown rank"
        return "\(value.type?.rawValue ?? "other") \(extents)"
    }

    private init(directory url: URL) throws {
        format = .directory
        do {
            metadata = try FileManager.default.contentsOfDirectory(atPath: url.path).sorted().map { name in
                let path = url.appendingPathComponent(name).path
                let size = FileSize.bytes(at: path).map { "\($0) bytes" }
                return Property(name: name, value: size ?? (PathKind(of: path) == .directory ? "directory" : "no file"))
            }
        } catch {
            throw InputError(file: url.path, problem: "cannot list: \(error.systemReason)")
        }
        tensors = []
    }
}

extension FileInspection {
    /// A group may hold itself; deeper nesting than this is not a file that anyone wrote.
    private static let deepestGroup = 32

    private init(_ file: HDF5File) throws {
        format = .hdf5
        metadata = []
        tensors = []
        var visited: Set<UInt64> = []
        try visit("", in: file, depth: 0, &visited)
    }

    private mutating func visit(_ group: String, in file: HDF5File, depth: Int, _ visited: inout Set<UInt64>) throws {
        guard depth <= Self.deepestGroup, visited.insert(try file.address(of: group)).inserted else { return }
        try describeAttributes(of: group, in: file)
        for (name, kind) in try file.links(in: group) {
            let path = group.isEmpty ? name : "\(group)/\(name)"
            switch kind {
            case .group: try visit(path, in: file, depth: depth + 1, &visited)
            case .dataset:
                do {
                    let dataset = try file.dataset(path)
                    tensors.append(
                        Tensor(
                            name: path, type: dataset.elementType?.rawValue ?? "other", shape: dataset.shape,
                            bytes: dataset.storedBytes))
                    try describeAttributes(of: path, in: file)
                } catch let error as InputError {
                    metadata.append(Property(name: path, value: "not read: \(error.problem)"))
                }
            case .softLink, .externalLink, .other:
                metadata.append(Property(name: path, value: "\(kind.rawValue), not followed"))
            }
        }
    }

    private mutating func describeAttributes(of path: String, in file: HDF5File) throws {
        for name in try file.attributeNames(of: path) {
            let value: String
            do {
                switch try file.attribute(name, of: path) {
                case .string(let text): value = text
                case .integer(let number): value = "\(number)"
                case .number(let number): value = "\(number)"
                case nil: continue
                }
            } catch let error as InputError {
                value = "not read: \(error.problem)"
            }
            metadata.append(Property(name: path.isEmpty ? name : "\(path)@\(name)", value: value))
        }
    }
}

extension FileInspection.Tensor {
    init(_ name: String, _ tensor: StoredTensor) {
        self.init(name: name, type: tensor.type.rawValue, shape: tensor.shape, bytes: tensor.bytes.count)
    }
}
