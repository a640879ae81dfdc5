import Files
public import Foundation

/// The folder of one run: `runs/<name>-<utc>-<hash6>/`. It holds everything that the run made and what it needs to go on.
public struct RunDirectory: Sendable {
    public let url: URL

    public init(_ url: URL) {
        self.url = url
    }

    /// Makes the directory of a new run and writes the recipe into it, as given and as resolved.
    ///
    /// - Parameter source: the recipe file's text.
    public static func create(for recipe: Recipe, source: String, now: Date = Date()) throws -> RunDirectory {
        let name = "\(recipe.name)-\(timestamp(now))-\(recipe.digest.prefix(6))"
        let parent = URL(fileURLWithPath: recipe.run.directory, isDirectory: true)
        var url = parent.appendingPathComponent(name, isDirectory: true)
        var attempt = 2
        while FileManager.default.fileExists(atPath: url.path) {
            url = parent.appendingPathComponent("\(name)-\(attempt)", isDirectory: true)
            attempt += 1
        }
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        } catch {
            throw InputError(
                file: url.path, problem: "cannot create the run directory: \(error.systemReason)",
                remedy: "choose another place with run.directory=PATH")
        }
        let run = RunDirectory(url)
        try AtomicFile.write(source, to: run.file("recipe.yaml"))
        try AtomicFile.write(recipe.choosingPrecision().resolvedYAML(), to: run.file("resolved.yaml"))
        return run
    }

    /// Opens the directory of an earlier run.
    ///
    /// - Throws: `InputError` if it is no run directory.
    public static func open(_ path: String) throws -> RunDirectory {
        let run = RunDirectory(URL(fileURLWithPath: path, isDirectory: true))
        guard FileManager.default.fileExists(atPath: run.file("resolved.yaml").path) else {
            throw InputError(
                file: path, problem: "not a run directory: it holds no resolved.yaml",
                remedy: "give a directory that `retort run` made, such as one under runs/")
        }
        return run
    }

    /// The recipe of the run, as it was resolved at its start.
    public func recipe() throws -> Recipe {
        try Recipe.load(file("resolved.yaml"))
    }

    /// A file or folder of the run by its path inside.
    public func file(_ path: String) -> URL {
        url.appendingPathComponent(path)
    }

    /// Removes what a killed process left half written.
    func removeLeftovers() throws {
        guard let files = FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil) else { return }
        for case let file as URL in files
        where file.lastPathComponent.hasPrefix(".") && file.pathExtension == "tmp" {
            try FileManager.default.removeItem(at: file)
        }
    }

    /// Removes the checkpoints of a stage that is finished.
    func removeCheckpoints() throws {
        let folder = file("checkpoints")
        guard FileManager.default.fileExists(atPath: folder.path) else { return }
        try FileManager.default.removeItem(at: folder)
    }

    private static func timestamp(_ date: Date) -> String {
        let parts = Calendar(identifier: .gregorian).dateComponents(in: TimeZone(identifier: "UTC")!, from: date)
        func two(_ value: Int?) -> String { (value! < 10 ? "0" : "") + String(value!) }
        return "\(parts.year!)\(two(parts.month))\(two(parts.day))T"
            + "\(two(parts.hour))\(two(parts.minute))\(two(parts.second))Z"
    }
}
