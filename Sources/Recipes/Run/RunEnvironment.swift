import Evaluation
import Files
import Foundation
import Tensors

/// The machine and the program that made a run: `environment.json`, and the facts in the report.
public struct RunEnvironment: Codable, Equatable, Sendable, CustomStringConvertible {
    public var retort: String
    public var system: String
    public var processor: String
    public var threads: Int
    public var kernels: String
    /// The instructions of matrix products in float32 and in bfloat16.
    public var products: String
    /// Where relative paths of the recipe begin; nil: not known.
    public var directory: String?

    private init() {
        retort = Version.current
        system = ProcessInfo.processInfo.operatingSystemVersionString
        processor = Self.processorName()
        threads = Threads.count
        kernels = Processor.kernelLevel
        products = "float32 \(Precision.float32.instructions), bfloat16 \(Precision.bfloat16.instructions)"
        directory = FileManager.default.currentDirectoryPath
    }

    /// What this process runs on.
    public static func current() -> RunEnvironment {
        RunEnvironment()
    }

    /// What an earlier process wrote, nil for a new run.
    public init?(reading run: RunDirectory) throws {
        let url = run.file("environment.json")
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        do {
            self = try JSONDecoder().decode(RunEnvironment.self, from: Data(contentsOf: url))
        } catch {
            throw InputError(
                file: url.path, problem: "not a description of a machine", remedy: "delete it; it is written anew")
        }
    }

    public func write(to run: RunDirectory) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try AtomicFile.write(encoder.encode(self), to: run.file("environment.json"))
    }

    /// Whether results are the same to the last digit: from whatever directory.
    func computes(as other: RunEnvironment) -> Bool {
        var (own, other) = (self, other)
        (own.directory, other.directory) = (nil, nil)
        return own == other
    }

    public var description: String {
        "\(processor), \(threads) threads, \(kernels), \(products), Retort \(retort)"
    }

    /// Name and value of each, for people.
    public var facts: [(name: String, value: String)] {
        [
            ("Retort", retort), ("System", system), ("Processor", processor), ("Threads", String(threads)),
            ("Vector kernels", kernels), ("Matrix products", products),
        ]
    }

    private static func processorName() -> String {
        let information = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        let line = information.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
    }
}

/// The version of this program.
public enum Version {
    public static let current = "0.1.0"
}
