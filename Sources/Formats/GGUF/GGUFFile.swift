import Files
public import Foundation

/// A GGUF file, version 3: metadata and named tensors
/// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
public struct GGUFFile: Sendable {
    /// In the order of the file.
    public let metadata: [(key: String, value: GGUFValue)]
    /// In the order of the file. Shapes are row-major, `[rows, columns]`: GGUF's own order reversed.
    public let tensors: [(name: String, tensor: StoredTensor)]
    /// Each tensor's bytes begin at a multiple of this.
    public let alignment: Int

    /// Named in errors.
    public let path: String
    private let keys: [String: Int]
    private let names: [String: Int]

    private static let defaultAlignment = 32

    /// Maps the file and checks the whole header; the tensors' bytes and the arrays of the metadata are slices of the
    /// mapping, and no tensor is loaded.
    ///
    /// - Throws: `InputError` naming the file and the key or tensor, if the version is not 3, a length, count, type, shape
    ///   or offset is wrong, a name is given twice, or a tensor does not lie inside the file.
    public init(reading url: URL) throws {
        let data = try MappedFile.data(at: url)
        let header = try data.withUnsafeBytes { try GGUFHeader(parsing: data, $0, file: url.path) }
        path = url.path
        metadata = header.metadata
        keys = Dictionary(uniqueKeysWithValues: header.metadata.enumerated().map { ($1.key, $0) })
        names = Dictionary(uniqueKeysWithValues: header.entries.enumerated().map { ($1.name, $0) })
        let declared = keys["general.alignment"].map { header.metadata[$0].value }
        let alignment = try Self.alignment(declared, file: url.path)
        self.alignment = alignment
        let start = header.length + (alignment - header.length % alignment) % alignment
        tensors = try header.entries.map { entry in
            (entry.name, try Self.tensor(entry, in: data, from: start, alignment, file: url.path))
        }
        try Self.refuseOverlaps(of: header.entries, file: url.path)
    }

    /// The tensor of that name, or nil.
    public subscript(name: String) -> StoredTensor? {
        names[name].map { tensors[$0].tensor }
    }

    /// The metadata value of that key, or nil.
    public func value(_ key: String) -> GGUFValue? {
        keys[key].map { metadata[$0].value }
    }

    private static func alignment(_ value: GGUFValue?, file: String) throws -> Int {
        guard let value else { return defaultAlignment }
        guard case .unsigned(let alignment) = value, alignment <= 1 << 30, alignment.nonzeroBitCount == 1 else {
            throw InputError(
                file: file, field: "general.alignment",
                problem: "expected a power of two up to 2^30, found \(value.kind)",
                remedy: "convert the file again")
        }
        return Int(alignment)
    }

    /// Tensors that share bytes would fill more memory than the file has.
    private static func refuseOverlaps(of entries: [GGUFHeader.Entry], file: String) throws {
        let extents = entries.map {
            ($0.name, start: $0.offset, length: UInt64($0.type.byteCount(shape: $0.shape) ?? 0))
        }
        .filter { $0.length > 0 }.sorted { $0.start < $1.start }
        for (one, next) in zip(extents, extents.dropFirst()) where one.start + one.length > next.start {
            throw InputError(
                file: file, field: next.0, problem: "its bytes begin inside those of \(one.0)",
                remedy: "download or convert the file again")
        }
    }

    private static func tensor(
        _ entry: GGUFHeader.Entry, in data: Data, from start: Int, _ alignment: Int, file: String
    ) throws -> StoredTensor {
        func problem(_ problem: String) -> InputError {
            InputError(
                file: file, field: entry.name, problem: problem, remedy: "download or convert the file again")
        }
        guard entry.offset.isMultiple(of: UInt64(alignment)) else {
            throw problem("its bytes begin at \(entry.offset), no multiple of the alignment \(alignment)")
        }
        guard let length = entry.type.byteCount(shape: entry.shape) else {
            throw problem(entry.type.impossible(shape: entry.shape).problem)
        }
        let room = max(0, data.count - start)
        guard length <= room, entry.offset <= UInt64(room - length) else {
            throw problem(
                "\(length) bytes from \(entry.offset) do not lie in the \(room) bytes that follow the header")
        }
        let first = data.startIndex + start + Int(entry.offset)
        return try StoredTensor(type: entry.type, shape: entry.shape, bytes: data[first..<first + length])
    }
}
