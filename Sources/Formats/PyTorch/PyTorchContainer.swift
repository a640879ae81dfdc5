import Files
import Foundation

/// The parts of a PyTorch archive: which files of the zip are the pickle and the storages.
struct PyTorchContainer {
    let file: String
    let pickle: Data
    /// The pickle's name in the archive.
    let pickleName: String
    /// By the last part of their names. Their checksums were not compared: that would read all weights.
    let storages: [String: Data]

    /// - Throws: `InputError` if the file is not such an archive, with what to do about its older and other kinds.
    init(_ bytes: Data, file: String) throws {
        guard bytes.starts(with: [0x50, 0x4B]) else { throw Self.notAnArchive(bytes, file: file) }
        let zip = try ZipArchive(bytes, file: file)
        let roots = zip.entries.map(\.name).filter { $0.hasSuffix("/data.pkl") }.map { $0.dropLast("data.pkl".count) }
        guard let root = roots.first, roots.count == 1, root.count(where: { $0 == "/" }) == 1 else {
            throw InputError(
                file: file,
                problem: "a zip archive, but not a PyTorch file: it holds \(roots.count) files NAME/data.pkl",
                remedy: Self.saveAgain)
        }
        if let code = zip.entries.first(where: {
            $0.name == "\(root)constants.pkl" || $0.name.hasPrefix("\(root)code/")
        }) {
            throw InputError(
                file: file, field: code.name, problem: "a TorchScript archive: it holds code, which is never run here",
                remedy: "in Python: torch.save(torch.jit.load(FILE).state_dict(), FILE)")
        }

        let prefix = "\(root)data/"
        let names = (pickle: "\(root)data.pkl", byteOrder: "\(root)byteorder")
        let stored = zip.entries.filter { $0.name.hasPrefix(prefix) }
        let packed = stored.filter { $0.stored == nil }.map(\.name)
        let contents = try zip.read(Set([names.pickle, names.byteOrder] + packed))
        if let order = contents[names.byteOrder], order != Data("little".utf8) {
            throw InputError(
                file: file, field: names.byteOrder,
                problem: "the byte order is \(String(decoding: order.prefix(20), as: UTF8.self).debugDescription), "
                    + "expected \"little\"",
                remedy: Self.saveAgain)
        }
        guard let pickle = contents[names.pickle] else { throw InputError(file: file, problem: "no data.pkl") }
        var storages: [String: Data] = [:]
        for entry in stored {
            storages[String(entry.name.dropFirst(prefix.count))] = entry.stored ?? contents[entry.name]
        }
        self.file = file
        self.pickle = pickle
        self.storages = storages
        pickleName = names.pickle
    }

    /// Whether a file of these first bytes is a pickle without an archive around it.
    static func isBarePickle(_ start: Data) -> Bool {
        guard start.first == 0x80, let version = start.dropFirst().first else { return false }
        return (2...5).contains(version)
    }

    /// The integer with which `torch.save` began its files before 1.6, as the pickle that holds nothing else.
    private static let legacyStart: [UInt8] = [
        0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]

    private static func notAnArchive(_ bytes: Data, file: String) -> InputError {
        if bytes.starts(with: legacyStart) {
            return InputError(
                file: file, problem: "a PyTorch file of the format before 1.6, which is not read", remedy: saveAgain)
        }
        if isBarePickle(bytes) {
            return InputError(
                file: file, problem: "a bare pickle, not a PyTorch archive: pickles may run code and are not read",
                remedy: saveAgain)
        }
        return InputError(file: file, problem: "not a PyTorch archive: it is not a zip archive", remedy: saveAgain)
    }

    private static let saveAgain =
        "load it with PyTorch and save it again, torch.save(model.state_dict(), FILE), or save it as safetensors"
}
