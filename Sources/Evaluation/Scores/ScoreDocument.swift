public import Foundation

extension ScoreReport {
    /// `report.json`: one object with sorted keys, schema version 1.
    ///
    ///     schema, task, recipe, resolved_recipe, environment, data, digests [{name, value}], commands [text], judged_on
    ///     reference, subject: keys of models
    ///     models {key: {name, path, parameters, bytes if there is a file, metrics {name: {value, low, high}}}}
    ///     pairs [{a, b, metrics {name: {value, low, high}}}]
    ///     gates [{gate, value, threshold, passed}], passed
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
    }

    struct Pair: Encodable {
        var a: String
        var b: String
        var metrics: [String: Estimate]
    }

    var schema = 1
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
    var gates: [GateOutcome]
    var passed: Bool
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
                        metrics: named($0.scores))
                )
            })
        pairs = report.models.filter { !$0.comparisons.isEmpty }.map {
            Pair(a: report.reference, b: $0.key, metrics: named($0.comparisons))
        }
        gates = report.gates
        passed = report.passed
        learningCurves = report.record.learningCurves.map(\.thinned)
    }
}
