import Evaluation
import Files
import Foundation

/// What a finished run told at its end: `report/summary.json`, so that it can be told again without evaluating again.
struct RunSummary: RunReport, Codable {
    private struct Model: Codable {
        var key: String
        var name: String
        var value: Double
    }

    private var lines: [String]
    let gates: [GateOutcome]
    let files: [String]
    private var headlineName: String
    private var headlinePrecision: Int
    private var isCost: Bool
    private var models: [Model]

    init(_ report: any RunReport, showing metrics: [Recipe.Metric]) {
        lines = report.lines(showing: metrics)
        gates = report.gates
        files = report.files
        headlineName = report.headline.name
        headlinePrecision = report.headline.precision
        isCost = report.headline.isCost
        models = report.headline.models.map { Model(key: $0.key, name: $0.name, value: $0.value) }
    }

    init(reading run: RunDirectory) throws {
        let url = run.file(Self.path)
        do {
            self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
        } catch {
            throw InputError(
                file: url.path, problem: "not a summary of a run: \(error.systemReason)",
                remedy: "delete it; retort resume makes it anew")
        }
    }

    func write(to run: RunDirectory) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try AtomicFile.write(encoder.encode(self), to: run.file(Self.path))
    }

    /// The metrics are those of the recipe by which the report was made.
    func lines(showing metrics: [Recipe.Metric]) -> [String] { lines }

    var headline: RunHeadline {
        RunHeadline(
            name: headlineName, precision: headlinePrecision, isCost: isCost,
            models: models.map { ($0.key, $0.name, $0.value) })
    }

    /// They are in the log already.
    var scalars: [(name: String, value: Double)] { [] }

    static let path = "report/summary.json"
}
