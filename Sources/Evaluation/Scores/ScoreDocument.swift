public import Foundation

extension ScoreReport {
    /// `report.json`: one object with sorted keys, schema version 2.
    ///
    ///     schema, task, recipe, resolved_recipe, environment, data, digests [{name, value}], commands [text], judged_on
    ///     reference, subject: keys of models
    ///     models {key: {name, path, parameters, bytes if there is a file, metrics {name: {value, low, high}}}}
    ///       and latency_ms {p50, p90, p99, queries, threads} if measured
    ///     pairs [{a, b, metrics {name: {value, low, high}}, errors {…} where rows were kept: see `PairedErrors`}]
    ///     slices [{column, value, rows, models {key: {name: value}}}]
    ///     gates [{gate, value, threshold, passed, margin {value, low, high} where judged strictly}], passed
    ///     failing_rows [id]: where a gate failed, rows of which the subject's error is the larger, the most so first
    ///     learning_curves [{stage, points [{step, loss, terms {name: value}}]}]: at most 120 points, means of runs of steps
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(ScoreDocument(self)) + Data("\n".utf8)
    }
}

private struct ScoreDocument: Encodable {
    struct Model: Encodable {
        var name: String
        var path: String
        var parameters: Int
        var bytes: Int?
        var metrics: [String: Estimate]
        var latencyMs: LatencySummary?
    }

    struct Pair: Encodable {
        var a: String
        var b: String
        var metrics: [String: Estimate]
        var errors: PairedErrors?
    }

    struct SliceRow: Encodable {
        var column: String
        var value: String
        var rows: Int
        var models: [String: [String: Double]]
    }

    var schema = 2
    var task: String
    var recipe: String
    var resolvedRecipe: String
    var environment: [RunRecord.Fact]
    var data: [RunRecord.Fact]
    var digests: [RunRecord.Fact]
    var commands: [String]
    var judgedOn: String
    var reference: String
    var subject: String
    var models: [String: Model]
    var pairs: [Pair]
    var slices: [SliceRow]
    var gates: [GateOutcome]
    var passed: Bool
    var failingRows: [String]
    var learningCurves: [LearningCurve]

    init(_ report: ScoreReport) {
        func named(_ scores: [ScoreReport.Score]) -> [String: Estimate] {
            Dictionary(uniqueKeysWithValues: scores.map { ($0.metric.rawValue, $0.estimate) })
        }
        task = report.task
        recipe = report.record.recipe
        resolvedRecipe = report.record.resolvedRecipe
        environment = report.record.environment
        data = report.record.data
        digests = report.record.digests
        commands = report.record.commands
        judgedOn = report.data
        reference = report.reference
        subject = report.subject
        models = Dictionary(
            uniqueKeysWithValues: report.models.map {
                (
                    $0.key,
                    Model(
                        name: $0.name, path: $0.path, parameters: $0.parameters, bytes: $0.bytes,
                        metrics: named($0.scores), latencyMs: $0.latency)
                )
            })
        pairs = report.models.filter { !$0.comparisons.isEmpty || $0.paired != nil }.map {
            Pair(a: report.reference, b: $0.key, metrics: named($0.comparisons), errors: $0.paired)
        }
        slices = report.slices.map { result in
            SliceRow(
                column: result.slice.column, value: result.slice.value, rows: result.slice.rows.count,
                models: result.values.mapValues { values in
                    Dictionary(uniqueKeysWithValues: values.map { ($0.key.rawValue, $0.value) })
                })
        }
        failingRows = report.passed ? [] : report.failingSamples.map(\.id)
        gates = report.gates
        passed = report.passed
        learningCurves = report.record.learningCurves.map(\.thinned)
    }
}
