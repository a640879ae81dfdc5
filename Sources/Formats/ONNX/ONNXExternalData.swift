import Files
import Foundation
import SwiftProtobuf

extension ONNXModel {
    /// What the name of the file beside a large model ends with.
    public static let externalSuffix = "_data"
}

/// Constants of an ONNX model that lie in a file beside it, `NAME_data`, because a message holds at most 2 GB
/// (https://github.com/onnx/onnx/blob/main/docs/ExternalData.md).
enum ONNXExternalData {
    /// Smaller constants stay in the model, where shape inference sees them.
    private static let smallest = 1024
    /// Offsets that can be mapped into memory.
    private static let alignment = 4096

    /// Writes the large constants of `model` to `NAME_data` and the rest to `url`, first the data.
    static func write(_ model: Onnx_ModelProto, to url: URL) throws {
        var model = model
        let place = url.deletingLastPathComponent().appendingPathComponent(
            url.lastPathComponent + ONNXModel.externalSuffix)
        let large = model.graph.initializer.indices.filter { model.graph.initializer[$0].rawData.count >= smallest }
        try AtomicFile.replace(place) { aside in
            do {
                try Data().write(to: aside)
                let handle = try FileHandle(forWritingTo: aside)
                var offset = 0
                for index in large {
                    let bytes = model.graph.initializer[index].rawData
                    try handle.write(contentsOf: bytes)
                    model.graph.initializer[index].clearRawData()
                    model.graph.initializer[index].dataLocation = .external
                    model.graph.initializer[index].externalData = [
                        ("location", place.lastPathComponent), ("offset", "\(offset)"), ("length", "\(bytes.count)"),
                    ].map(entry)
                    let padding = (alignment - bytes.count % alignment) % alignment
                    try handle.write(contentsOf: Data(count: padding))
                    offset += bytes.count + padding
                }
                try handle.close()
            } catch {
                throw InputError(
                    file: place.path, problem: "cannot write: \(error.systemReason)",
                    remedy: "check the free space and the permissions")
            }
        }
        try AtomicFile.write(model.serializedData(), to: url)
    }

    private static func entry(_ key: String, _ value: String) -> Onnx_StringStringEntryProto {
        var entry = Onnx_StringStringEntryProto()
        entry.key = key
        entry.value = value
        return entry
    }

    /// The bytes of a constant that lies in another file of the model's own directory.
    ///
    /// - Throws: `InputError` if the file is named by a path, or the bytes do not lie inside of it.
    static func bytes(of message: Onnx_TensorProto, beside directory: URL?) throws -> Data {
        var entries: [String: String] = [:]
        for entry in message.externalData { entries[entry.key] = entry.value }
        let location = entries["location"] ?? ""
        guard let directory, !location.isEmpty, !location.contains("/"), !location.contains("\\"), location != "..",
            location != "."
        else {
            throw InputError(
                problem:
                    "its data lies in another file (\(location.isEmpty ? "not named" : location)), which is not read",
                remedy: "save the model as one file, or with its data beside it")
        }
        let data = try MappedFile.data(at: directory.appendingPathComponent(location))
        let offset = entries["offset"].map { Int($0) } ?? 0
        let length = entries["length"].map { Int($0) } ?? data.count - (offset ?? 0)
        guard let offset, let length, offset >= 0, length >= 0, offset <= data.count, length <= data.count - offset
        else {
            throw InputError(
                problem: "its \(entries["length"] ?? "") bytes from \(entries["offset"] ?? "0") do not lie in the "
                    + "\(data.count) bytes of \(location)",
                remedy: "download or export the files again")
        }
        return data[data.startIndex + offset..<data.startIndex + offset + length]
    }
}
