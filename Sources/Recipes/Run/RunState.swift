import Files
import Foundation

/// Which stages of a run are finished, from which inputs, and what they made: `state.json`.
public struct RunState: Codable, Equatable, Sendable {
    public struct Stage: Codable, Equatable, Sendable {
        /// Digest of everything that the stage's result depends on.
        public var inputs: String
        /// Digest of each part of them, to say which one changed; nil where schema 1 recorded none.
        public var parts: [String: String]?
        /// Path inside the run → SHA-256.
        public var outputs: [String: String]
        public var seconds: Double
    }

    public var schema = Self.newest
    private static let newest = 2
    public var stages: [String: Stage] = [:]

    public init() {}

    /// The state of a run, empty for a new one.
    public init(reading run: RunDirectory) throws {
        let url = run.file("state.json")
        guard FileManager.default.fileExists(atPath: url.path) else { return }
        do {
            self = try JSONDecoder().decode(RunState.self, from: Data(contentsOf: url))
        } catch {
            throw InputError(
                file: url.path, problem: "not a run's state: \(error.systemReason)",
                remedy: "delete it to run every stage again")
        }
        guard (1...Self.newest).contains(schema) else {
            throw InputError(
                file: url.path, field: "schema",
                problem: "found version \(schema), this program knows 1 to \(Self.newest)",
                remedy: "go on with the program that made it, or delete it to run every stage again")
        }
        schema = Self.newest
    }

    public func write(to run: RunDirectory) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try AtomicFile.write(encoder.encode(self), to: run.file("state.json"))
    }

    /// Whether the stage is finished for these inputs and all that it made is there, unchanged.
    public func isFinished(_ stage: String, inputs: String, in run: RunDirectory) throws -> Bool {
        guard let record = stages[stage], record.inputs == inputs else { return false }
        return try record.damagedOutputs(in: run).isEmpty
    }
}

extension RunState.Stage {
    /// What the stage made and is no longer there as it was, and what is the matter with it.
    func damagedOutputs(in run: RunDirectory) throws -> [(path: String, problem: String)] {
        try outputs.sorted { $0.key < $1.key }.compactMap { path, digest in
            let url = run.file(path)
            guard FileManager.default.fileExists(atPath: url.path) else { return (path, "is missing") }
            return try Digest.sha256(fileAt: url) == digest ? nil : (path, "was changed")
        }
    }
}
