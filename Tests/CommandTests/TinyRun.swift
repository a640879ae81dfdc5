import Foundation
import Testing

/// The only run in a folder of runs, as it grows.
struct TinyRun {
    let folder: URL

    init(_ command: Command, _ folder: String = "runs") {
        self.folder = command.folder.appendingPathComponent(folder)
    }

    /// The run's directory, nil before it is made.
    var url: URL? {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?.first
            .map { folder.appendingPathComponent($0) }
    }

    var path: String {
        get throws { try #require(url).path }
    }

    func file(_ name: String) throws -> URL {
        try #require(url).appendingPathComponent(name)
    }

    /// Steps of a stage in the metrics so far.
    func steps(of stage: String) -> Int {
        guard let url, let text = try? String(contentsOf: url.appendingPathComponent("metrics.jsonl"), encoding: .utf8)
        else { return 0 }
        return text.split(separator: "\n").count { $0.contains("\"stage\":\"\(stage)\"") }
    }

    /// Waits until a stage has taken so many steps.
    func wait(for count: Int, of stage: String, in running: Running) {
        while running.process.isRunning, steps(of: stage) < count { usleep(1000) }
    }

    /// Every file's bytes by its path in the run.
    func contents() throws -> [String: Data] {
        let root = try #require(url)
        var files: [String: Data] = [:]
        for case let name as String in try #require(FileManager.default.enumerator(atPath: root.path)) {
            let file = root.appendingPathComponent(name)
            var isDirectory: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: file.path, isDirectory: &isDirectory)
            if exists, !isDirectory.boolValue { files[name] = try Data(contentsOf: file) }
        }
        return files
    }
}
