import Files
public import Foundation

/// The tensors of a published model, whichever file format holds them.
public struct StoredWeights: Sendable {
    public enum Format: String, Sendable {
        case safetensors, gguf
    }

    public let format: Format
    /// The file that was opened: what an error about all of the weights names.
    public let file: String
    /// In the order of the file.
    public let names: [String]
    public let tensors: [String: StoredTensor]

    /// Opens the weights of a model directory: `model.safetensors`.
    ///
    /// - Throws: `InputError` if there is none, or it is damaged.
    public init(directory: URL) throws {
        let url = directory.appendingPathComponent("model.safetensors")
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw InputError(
                file: directory.path, problem: "no weights: expected model.safetensors",
                remedy: "give the directory of a published model, or the file itself")
        }
        try self.init(file: url)
    }

    /// Opens a weight file; its content tells the format, not its name.
    ///
    /// - Throws: `InputError` if the format is not known, or the file is damaged.
    public init(file url: URL) throws {
        let isGGUF = try MappedFile.data(at: url).starts(with: Data("GGUF".utf8))
        format = isGGUF ? .gguf : .safetensors
        file = url.path
        let tensors = try isGGUF ? GGUFFile(reading: url).tensors : Safetensors(reading: url).tensors
        names = tensors.map(\.name)
        self.tensors = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.tensor) })
    }

    /// The file that holds the tensor: what an error about it names.
    public func file(of name: String) -> String {
        file
    }
}
