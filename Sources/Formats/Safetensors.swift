import Files
public import Foundation

/// A safetensors file: named tensors behind a JSON header (https://github.com/huggingface/safetensors).
public struct Safetensors: Sendable {
    /// In the order of their bytes when read from a file; in any order when about to be written.
    public var tensors: [(name: String, tensor: StoredTensor)]
    public var metadata: [String: String]

    public init(tensors: [(name: String, tensor: StoredTensor)] = [], metadata: [String: String] = [:]) {
        self.tensors = tensors
        self.metadata = metadata
    }

    /// Maps the file and checks the whole header; the tensors' bytes are slices of the mapping.
    ///
    /// - Throws: `InputError` naming the file, and the tensor or the header's byte, if a length, offset, shape, type or
    ///   name is wrong, or if the tensors do not fill the file exactly.
    public init(reading url: URL) throws {
        let data = try MappedFile.data(at: url)
        let file = url.path
        let remedy = "download or export the file again"
        guard data.count >= 8 else {
            throw InputError(
                file: file, problem: "not a safetensors file: \(data.count) bytes, too short for a header",
                remedy: remedy)
        }
        let declared = UInt64(littleEndian: data.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
        guard declared <= UInt64(data.count - 8) else {
            throw InputError(
                file: file,
                problem: "the header declares \(declared) bytes, the file holds \(data.count - 8) after its length",
                remedy: remedy)
        }
        guard declared <= Self.longestHeader else {
            throw InputError(
                file: file, problem: "the header is \(declared) bytes long, the format allows \(Self.longestHeader)")
        }
        let body = 8 + Int(declared)
        let header = try data.withUnsafeBytes {
            try SafetensorsHeader(parsing: UnsafeRawBufferPointer(rebasing: $0[8..<body]), file: file)
        }

        var tensors: [(name: String, tensor: StoredTensor)] = []
        var end = 0
        let entries = header.entries.sorted {
            ($0.offsets.lowerBound, $0.offsets.upperBound) < ($1.offsets.lowerBound, $1.offsets.upperBound)
        }
        for entry in entries {
            guard entry.offsets.lowerBound == end else {
                throw InputError(
                    file: file, field: entry.name,
                    problem:
                        "its bytes begin at \(entry.offsets.lowerBound), expected \(end) after the tensor before it",
                    remedy: remedy)
            }
            end = entry.offsets.upperBound
            guard end <= data.count - body else {
                throw InputError(
                    file: file, field: entry.name,
                    problem: "its bytes end at \(end), the file has \(data.count - body)", remedy: remedy)
            }
            do {
                let bytes = data[body + entry.offsets.lowerBound..<body + end]
                tensors.append((entry.name, try StoredTensor(type: entry.type, shape: entry.shape, bytes: bytes)))
            } catch let error as InputError {
                throw InputError(file: file, field: entry.name, problem: error.problem, remedy: remedy)
            }
        }
        guard end == data.count - body else {
            throw InputError(
                file: file, problem: "\(data.count - body - end) bytes at the end belong to no tensor", remedy: remedy)
        }
        self.init(tensors: tensors, metadata: header.metadata)
    }

    /// The tensor of that name, or nil.
    public subscript(name: String) -> StoredTensor? {
        tensors.first { $0.name == name }?.tensor
    }

    /// Replaces the file at `url`. The same tensors and metadata give the same bytes.
    ///
    /// As the reference implementation does, wider elements come first and equal widths go by name, so that every tensor
    /// is aligned; the header is padded with spaces to eight bytes.
    ///
    /// - Throws: `InputError` if two tensors share a name, one has a block format, or the file cannot be written.
    public func write(to url: URL) throws {
        let ordered = tensors.sorted {
            ($1.tensor.type.size, $0.name) < ($0.tensor.type.size, $1.name)
        }
        let header = try header(of: ordered, file: url.path)
        try AtomicFile.replace(url) { aside in
            do {
                try Data().write(to: aside)
                let handle = try FileHandle(forWritingTo: aside)
                try handle.write(contentsOf: header)
                for (_, tensor) in ordered {
                    try handle.write(contentsOf: tensor.bytes)
                }
                try handle.close()
            } catch {
                throw InputError(
                    file: url.path, problem: "cannot write: \(error.systemReason)",
                    remedy: "check the free space and the permissions")
            }
        }
    }

    private static let longestHeader = 100_000_000

    private func header(of ordered: [(name: String, tensor: StoredTensor)], file: String) throws -> Data {
        var names: Set<String> = ["__metadata__"]
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map {
                "\(JSONString.quote($0.key)):\(JSONString.quote($0.value))"
            }
            members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var end = 0
        for (name, tensor) in ordered {
            guard names.insert(name).inserted else {
                throw InputError(
                    file: file, field: name, problem: "two tensors have this name, or the format reserves it")
            }
            guard tensor.type.elementsPerBlock == 1 else {
                throw InputError(
                    file: file, field: name, problem: "safetensors has no element type \(tensor.type.rawValue)")
            }
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            let offsets = "\(end),\(end + tensor.bytes.count)"
            members.append(
                "\(JSONString.quote(name)):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],\"data_offsets\":[\(offsets)]}"
            )
            end += tensor.bytes.count
        }
        var text = Data("{\(members.joined(separator: ","))}".utf8)
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) } + text
    }
}
