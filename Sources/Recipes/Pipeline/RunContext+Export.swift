import Files
import Foundation

extension RunContext {
    /// Fills `export` aside, and puts it in place when nothing was wrong with what was written.
    ///
    /// - Parameter fill: writes the model's files into a folder and reads them back; gives their names. The folder that it throws
    ///   over is not handed over.
    /// - Returns: what `fill` gave.
    func export(_ fill: (URL) throws -> [String]) throws -> [String] {
        let (aside, place) = (run.file("export.unfinished"), run.file("export"))
        let files = FileManager.default
        if files.fileExists(atPath: aside.path) { try files.removeItem(at: aside) }
        let names = try fill(aside)
        if files.fileExists(atPath: place.path) { try files.removeItem(at: place) }
        try files.moveItem(at: aside, to: place)
        return names
    }

    /// Exports a model directory of the run as it is, with its card.
    ///
    /// - Parameter agrees: whether the copy gives the very outputs of the model.
    func exportCopy(
        of folder: String, agrees: (_ source: URL, _ copy: URL) throws -> Bool, card: () throws -> String
    ) throws -> [String] {
        let (source, files) = (run.file(folder), FileManager.default)
        return try export { aside in
            var names: [String] = []
            for path in try files.subpathsOfDirectory(atPath: source.path).sorted() {
                var isDirectory: ObjCBool = false
                let url = source.appendingPathComponent(path)
                guard files.fileExists(atPath: url.path, isDirectory: &isDirectory), !isDirectory.boolValue else {
                    continue
                }
                try AtomicFile.write(Data(contentsOf: url), to: aside.appendingPathComponent(path))
                names.append(path)
            }
            guard try agrees(source, aside) else {
                throw ExportMismatch(
                    file: aside.path,
                    problem: "read back, it does not give the outputs of the model that it was written from")
            }
            try AtomicFile.write(card(), to: aside.appendingPathComponent("README.md"))
            return names + ["README.md"]
        }
    }
}

/// An exported file is not the model that it was made from; it is not handed over.
public struct ExportMismatch: Error, CustomStringConvertible {
    let file: String
    let problem: String

    public var description: String {
        "\(file): \(problem)\n  → the disk may be damaged; export again, to another place"
    }
}
