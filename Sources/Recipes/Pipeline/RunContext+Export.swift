import Files
import Foundation

extension RunContext {
    /// Copies a finished model aside, has the copy compared with it, and only then puts it into `export`, with its card.
    ///
    /// - Parameter agrees: whether the copy gives the very outputs of the model.
    /// - Returns: the names of the files.
    func exportModel(
        from folder: String, agrees: (_ source: URL, _ copy: URL) throws -> Bool, card: () throws -> String
    ) throws -> [String] {
        let (source, aside, place) = (run.file(folder), run.file("export.unfinished"), run.file("export"))
        let files = FileManager.default
        if files.fileExists(atPath: aside.path) { try files.removeItem(at: aside) }
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
        if files.fileExists(atPath: place.path) { try files.removeItem(at: place) }
        try files.moveItem(at: aside, to: place)
        return names + ["README.md"]
    }
}
