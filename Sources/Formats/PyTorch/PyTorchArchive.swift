import Files
public import Foundation

/// A file that `torch.save` wrote (PyTorch 1.6 or newer): a zip archive of one pickle and one file per storage
/// (https://docs.pytorch.org/docs/stable/notes/serialization.html). Nothing in it is executed.
public struct PyTorchArchive: Sendable {
    /// In the order of the state dictionary; nested dictionaries' names are joined by dots. Contiguous tensors are slices
    /// of the mapped file.
    public let tensors: [(name: String, tensor: StoredTensor)]
    /// The numbers and texts that stand beside the state dictionary.
    public let metadata: [(name: String, value: String)]
    /// The key under which the state dictionary was found (`state_dict`, `model_state_dict` or `model`), or nil if it is the
    /// file's whole content.
    public let key: String?
    /// What else the file holds, and was not taken: an optimizer's state, for example.
    public let leftOut: [String]
    /// What is wrong with single tensors, which are missing from `tensors`.
    let faults: [InputError]

    /// Maps the file and checks every tensor's place, but reads no weights.
    ///
    /// - Throws: `InputErrors` naming the file and every tensor that is wrong, or `InputError` if the file is no such
    ///   archive, is damaged, or its pickle refers to anything that is not part of a tensor.
    public init(reading url: URL) throws {
        try self.init(parsing: MappedFile.data(at: url), file: url.path)
    }

    /// Reads an archive from memory, which its tensors share.
    ///
    /// - Parameter file: named in errors.
    /// - Throws: as for a file.
    public init(parsing archive: Data, file: String) throws {
        try self.init(inspecting: archive, file: file)
        if !faults.isEmpty { throw InputErrors(faults) }
    }

    /// Reads what can be read; single tensors that are wrong are named in `faults`.
    ///
    /// - Throws: `InputError` if nothing can be read.
    init(inspecting archive: Data, file: String) throws {
        let container = try PyTorchContainer(archive, file: file)
        let pickle = try Pickle(parsing: container.pickle, file: file, field: container.pickleName)
        try self.init(pickle, storages: container.storages, file: file)
    }

    /// Reads the parts of an archive from memory.
    ///
    /// - Parameters:
    ///   - pickle: the archive's `data.pkl`.
    ///   - storages: the archive's `data/0`, `data/1`, … by the last part of their names.
    ///   - file: named in errors.
    /// - Throws: as for a file.
    public init(parsing pickle: Data, storages: [String: Data], file: String) throws {
        try self.init(Pickle(parsing: pickle, file: file, field: "data.pkl"), storages: storages, file: file)
        if !faults.isEmpty { throw InputErrors(faults) }
    }

    private init(_ pickle: Pickle, storages: [String: Data], file: String) throws {
        let state = try StateDictionary(pickle, file: file)
        // Tensors that are not contiguous are copied: all of them together take no more than the file does.
        var views = StorageViews(storages: storages, copyLimit: storages.values.reduce(1 << 20) { $0 + $1.count })
        var tensors: [(name: String, tensor: StoredTensor)] = []
        var faults: [InputError] = []
        for (name, index) in state.tensors {
            do {
                let declared = pickle.tensors[index]
                tensors.append((name, try views.tensor(declared, in: pickle.storages[declared.storage])))
            } catch let error as InputError {
                faults.append(
                    InputError(file: file, field: name, problem: error.problem, remedy: error.remedy ?? Self.remedy))
            }
        }
        self.tensors = tensors
        self.faults = faults
        metadata = state.metadata
        key = state.key
        leftOut = state.leftOut
    }

    private static let remedy = "download or export the file again"
}
