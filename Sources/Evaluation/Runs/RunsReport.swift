public import Files
public import Foundation

/// Several runs side by side: the judged model of each, and all models by quality, latency and size.
public struct RunsReport: Sendable {
    public let runs: [StoredReport]
    /// What all are ordered and drawn by, such as `accuracy`.
    public let metric: Gate.Metric

    /// - Throws: `InputErrors` for runs of different tasks, the same run twice, or none that have a metric in common.
    public init(_ runs: [StoredReport]) throws(InputErrors) {
        var problems: [InputError] = []
        for run in runs where run.task != runs[0].task {
            problems.append(
                InputError(
                    file: run.path, problem: "is of the task \(run.task), \(runs[0].path) of \(runs[0].task)",
                    remedy: "compare runs of one task"))
        }
        for (index, run) in runs.enumerated() where runs[..<index].contains(where: { $0.path == run.path }) {
            problems.append(InputError(file: run.path, problem: "is given twice"))
        }
        let shared = Gate.Metric.allCases.first { metric in
            runs.allSatisfy { $0.models[$0.subject]?.metrics[metric.rawValue] != nil }
        }
        if shared == nil {
            problems.append(InputError(file: runs[0].path, problem: "no metric is in all reports"))
        }
        guard problems.isEmpty, let shared else { throw InputErrors(problems) }
        self.runs = runs
        metric = shared
    }

    /// Whether all were made with, and judged on, the same data.
    public var haveSameData: Bool { Set(runs.map { Set($0.digests.map(\.value)) }).count == 1 }

    /// The metrics that the judged models of all runs have.
    var metrics: [Gate.Metric] {
        Gate.Metric.allCases.filter { metric in
            runs.allSatisfy { $0.models[$0.subject]?.metrics[metric.rawValue] != nil }
        }
    }

    var columns: [String] {
        ["Run", "Judged", "Parameters", "Size"] + metrics.map(\.title) + ["Agreement", "p50 latency", "Gates"]
    }

    /// A row per run.
    var cells: [[String]] {
        runs.map { run in
            let model = run.models[run.subject]!
            let agreement = run.pairs.first { $0.a == run.reference && $0.b == run.subject }?.agreement
            let failed = run.gates.count { !$0.passed }
            return [
                Self.name(run), model.name,
                model.parameters > 0 ? Notation.count(model.parameters) : Notation.none,
                model.bytes.flatMap { $0 > 0 ? Notation.bytes(Double($0)) : nil } ?? Notation.none,
            ]
                + metrics.map { metric in
                    let estimate = model.metrics[metric.rawValue]!
                    return estimate.low < estimate.high
                        ? estimate.described(metric.written) : metric.written(estimate.value)
                } + [
                    agreement.map(Notation.percent) ?? Notation.none,
                    model.latencyMs.map { Notation.milliseconds($0.p50) } ?? Notation.none,
                    run.gates.isEmpty ? "none" : failed == 0 ? "passed" : "\(failed) of \(run.gates.count) failed",
                ]
        }
    }

    static func name(_ run: StoredReport) -> String {
        let name = URL(fileURLWithPath: run.path).standardizedFileURL.lastPathComponent
        return name.isEmpty ? run.path : name
    }

    /// The results as an aligned table for the terminal.
    public func table() -> String {
        AlignedTable.lines([columns] + cells, leading: 2).joined(separator: "\n")
    }

    /// Writes `report.html`, one self-contained page, and `report.json`, both or none:
    ///
    ///     schema 1, same_data, metric, runs [{path, recipe, subject, reference, passed, models {key: {name, parameters,
    ///     bytes, latency_ms, metrics {name: {value, low, high}}}}}]
    public func write(to directory: URL) throws {
        try AtomicFile.write(all: [
            (directory.appendingPathComponent("report.html"), Data(html().utf8)),
            (directory.appendingPathComponent("report.json"), json()),
        ])
    }

    public func json() throws -> Data {
        struct Model: Encodable {
            var name: String
            var parameters: Int
            var bytes: Int?
            var latencyMs: LatencySummary?
            var metrics: [String: Estimate]
        }
        struct Run: Encodable {
            var path: String
            var recipe: String
            var subject: String
            var reference: String
            var passed: Bool
            var models: [String: Model]
        }
        struct Document: Encodable {
            var schema = 1
            var sameData: Bool
            var metric: String
            var runs: [Run]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(
            Document(
                sameData: haveSameData, metric: metric.rawValue,
                runs: runs.map { run in
                    Run(
                        path: run.path, recipe: run.recipe, subject: run.subject, reference: run.reference,
                        passed: run.passed,
                        models: run.models.mapValues {
                            Model(
                                name: $0.name, parameters: $0.parameters, bytes: $0.bytes, latencyMs: $0.latencyMs,
                                metrics: $0.metrics)
                        })
                })) + Data("\n".utf8)
    }
}

extension Gate.Metric {
    /// Whether a smaller number is a better one.
    var isCost: Bool { [.perplexity, .klMean, .rmse, .ece].contains(self) }
}
