public import Distillation
import Files
import Foundation

/// `metrics.jsonl`: one JSON object per training step, in the order in which they were taken.
///
/// Each line starts at a known byte, so that a resumed run cuts off what the interrupted one logged after its last
/// checkpoint and goes on from there.
public final class MetricsLog {
    private var handle: FileHandle
    private let url: URL

    public init(_ run: RunDirectory) throws {
        url = run.file("metrics.jsonl")
        if !FileManager.default.fileExists(atPath: url.path) { try AtomicFile.write(Data(), to: url) }
        handle = try Self.open(url)
        // A process that was killed may have left half a line.
        let text = try Data(contentsOf: url)
        let whole = text.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        if whole < text.count { try truncate(to: whole) }
    }

    private static func open(_ url: URL) throws -> FileHandle {
        do {
            let handle = try FileHandle(forUpdating: url)
            try handle.seekToEnd()
            return handle
        } catch {
            throw InputError(file: url.path, problem: "cannot open to append: \(error.systemReason)")
        }
    }

    deinit {
        try? handle.close()  // Everything was written; nothing is lost if closing fails.
    }

    /// The file's size so far, in bytes.
    public var size: Int {
        get throws { Int(try handle.offset()) }
    }

    /// Waits until all that was logged is on the disk.
    public func synchronize() throws {
        try handle.synchronize()
    }

    /// Forgets what was logged after the first `size` bytes.
    public func truncate(to size: Int) throws {
        guard try size < self.size else { return }
        try handle.truncate(atOffset: UInt64(size))
        try handle.seekToEnd()
    }

    /// Forgets what a stage logged before, because the stage begins anew.
    public func forget(stage: String) throws {
        let decoder = JSONDecoder()
        let lines = try Data(contentsOf: url).split(separator: UInt8(ascii: "\n"))
        struct Staged: Decodable { var stage: String }
        let others = lines.filter { (try? decoder.decode(Staged.self, from: Data($0)))?.stage != stage }
        guard others.count < lines.count else { return }
        try AtomicFile.write(Data(others.flatMap { $0 + [UInt8(ascii: "\n")] }), to: url)
        try handle.close()
        handle = try Self.open(url)
    }

    public struct Line: Codable, Equatable, Sendable {
        public var step: Int
        public var time: Double
        public var stage: String
        public var loss: Double?
        public var terms: [String: Double]
        public var learningRate: Double
        public var gradientNorm: Double?
        public var examplesPerSecond: Double
        /// What the validation rows said after the step, where they were asked.
        public var validation: ValidationValues?
    }

    /// Appends one line.
    public func append(_ line: Line) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        encoder.keyEncodingStrategy = .convertToSnakeCase
        do {
            try handle.write(contentsOf: encoder.encode(line) + Data("\n".utf8))
        } catch {
            throw InputError(
                file: url.path, problem: "cannot append: \(error.systemReason)",
                remedy: "free some disk space; then `retort resume`")
        }
    }

    /// All lines of a run's log.
    public static func read(_ run: RunDirectory) throws -> [Line] {
        let url = run.file("metrics.jsonl")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try Data(contentsOf: url).split(separator: UInt8(ascii: "\n")).enumerated().map { index, bytes in
            do {
                return try decoder.decode(Line.self, from: Data(bytes))
            } catch {
                throw InputError(file: url.path, line: index + 1, problem: "not a line of metrics")
            }
        }
    }
}
