import Evaluation
import Files
public import Foundation

/// What a folder of runs holds in one of its folders: how far the run is, how good its model, how large it is.
/// Changes nothing, and needs nothing to be whole.
public struct RunListing: Sendable, Encodable {
    public enum State: String, Sendable, Encodable {
        case finished
        case failedGates = "failed_gates"
        /// Stopped in `stage`, or before it; `retort resume` goes on.
        case interrupted
        /// `holder` is working on it now.
        case running
        /// A run that lacks something, or holds something that cannot be read.
        case damaged
        /// Not made by `retort run`.
        case foreign
    }

    public let name: String
    public let path: String
    public private(set) var state: State
    /// The first stage that is not finished.
    public private(set) var stage: String?
    /// The last step that it logged.
    public private(set) var step: Int?
    public private(set) var holder: String?
    /// Key of the model that the metrics are of.
    public private(set) var model: String?
    /// Those that the recipe asks for, or all, as in `report.json`.
    public private(set) var metrics: [String: Double] = [:]
    /// Size of all files, and when the last one changed; nil for a folder that is no run.
    public private(set) var bytes: Int?
    public private(set) var changed: Date?
    /// What is wrong, for a damaged or foreign folder.
    public private(set) var problem: String?

    /// Looks at each folder in `directory`, or at that one if it is a run; in the order of their names.
    ///
    /// - Throws: `InputError` if there is no such directory.
    public static func all(in directory: URL) throws -> [RunListing] {
        let manager = FileManager.default
        if manager.fileExists(atPath: directory.appendingPathComponent("resolved.yaml").path) {
            return [RunListing(of: directory)]
        }
        let names: [String]
        do {
            names = try manager.contentsOfDirectory(atPath: directory.path)
        } catch {
            throw InputError(
                file: directory.path, problem: "cannot be listed: \(error.systemReason)",
                remedy: "give the directory that holds the runs, run.directory of their recipes")
        }
        return names.sorted().filter { !$0.hasPrefix(".") }.compactMap { name in
            let url = directory.appendingPathComponent(name, isDirectory: true)
            var isDirectory: ObjCBool = false
            guard manager.fileExists(atPath: url.path, isDirectory: &isDirectory), isDirectory.boolValue else {
                return nil
            }
            return RunListing(of: url)
        }
    }

    init(of url: URL) {
        name = url.lastPathComponent
        path = url.relativePath
        let run = RunDirectory(url)
        let exists = { FileManager.default.fileExists(atPath: run.file($0).path) }
        guard exists("resolved.yaml") else {
            state = exists("recipe.yaml") ? .damaged : .foreign
            problem =
                exists("recipe.yaml")
                ? "it was stopped before it began: no resolved.yaml" : "it holds no resolved.yaml"
            return
        }
        holder = RunLock.holder(of: run)
        state = holder == nil ? .interrupted : .running
        measure(url)
        do {
            let recipe = try run.recipe()
            let finished = try RunState(reading: run).stages
            if let next = Pipeline.stages(of: recipe).first(where: { finished[$0.rawValue] == nil }) {
                stage = next.rawValue
                step = lastStep(in: run, of: next.rawValue)
            } else if exists("report/report.json") {
                guard let report = try? StoredReport(of: url.path) else {
                    throw InputError(problem: "its report cannot be read; `retort resume` makes it anew")
                }
                read(report, of: recipe)
            } else {
                throw InputError(problem: "its report is missing; `retort resume` makes it anew")
            }
        } catch {
            if holder == nil { state = .damaged }
            problem = "\(error)".split(separator: "\n").first.map(String.init)
        }
    }

    private mutating func read(_ report: StoredReport, of recipe: Recipe) {
        if holder == nil { state = report.passed ? .finished : .failedGates }
        model = report.subject
        let all = report.models[report.subject]?.metrics ?? [:]
        let wanted = recipe.task == .classification ? recipe.evaluate.metrics.map(\.rawValue) : Array(all.keys)
        metrics = all.filter { wanted.contains($0.key) }.mapValues(\.value)
    }

    private mutating func measure(_ url: URL) {
        let keys: Set<URLResourceKey> = [.isRegularFileKey, .fileSizeKey, .contentModificationDateKey]
        let files = FileManager.default.enumerator(at: url, includingPropertiesForKeys: Array(keys))
        var total = 0
        for case let file as URL in files ?? FileManager.DirectoryEnumerator() {
            // A run that goes on removes files while they are listed.
            guard let values = try? file.resourceValues(forKeys: keys), values.isRegularFile == true else { continue }
            total += values.fileSize ?? 0
            changed = max(changed ?? .distantPast, values.contentModificationDate ?? .distantPast)
        }
        bytes = total
    }

    /// The step of the last line of the metrics, if it is of this stage or a round of it.
    private func lastStep(in run: RunDirectory, of stage: String) -> Int? {
        guard let handle = try? FileHandle(forReadingFrom: run.file("metrics.jsonl")) else { return nil }
        defer { try? handle.close() }
        guard let size = try? handle.seekToEnd() else { return nil }
        try? handle.seek(toOffset: size - min(size, 1 << 16))
        let lines = (try? handle.readToEnd())?.split(separator: UInt8(ascii: "\n")) ?? []
        struct Line: Decodable {
            var stage: String
            var step: Int
        }
        let last = lines.reversed().lazy.compactMap { try? JSONDecoder().decode(Line.self, from: Data($0)) }.first
        guard let last, last.stage == stage || last.stage.hasPrefix("\(stage)-") else { return nil }
        return last.step
    }
}
