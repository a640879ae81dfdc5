import Compression
import Distillation
public import Evaluation
import Files
import Formats
import Foundation

extension ClassificationStages {
    /// Runs every model of the run over the test rows and writes the report.
    func evaluate(stages: [Pipeline.Stage]) throws -> (report: any RunReport, result: StageResult) {
        let present = Pipeline.evaluatedModels(of: stages)
        let evaluation = ModelEvaluation(
            rows: material.test, labels: material.classes, queries: recipe.evaluate.latencyQueries,
            maxLength: recipe.data.maxLength)
        var results: [ModelResult] = []
        for (done, entry) in present.enumerated() {
            try Interruption.check()
            observer.advanced(Pipeline.Stage.evaluate.rawValue, done: done, total: present.count, unit: "models")
            let model = try LoadedModel(run.file(entry.folder), isOnlyRun: true)
            results.append(try evaluation.result(model, key: entry.key, name: entry.name, path: entry.folder))
        }
        let gates = try recipe.evaluate.gates.map {
            try Gate(metric: $0.metric, expression: $0.condition, models: present.map(\.key))
        }
        let report = try Report(
            record: try record(stages: stages),
            data: evaluation.data, models: results, gates: gates, strict: recipe.evaluate.strict,
            seed: recipe.seed)
        try report.write(to: run.file("report"))
        return (report, report.result)
    }

    /// What the report says of how the run was made.
    private func record(stages: [Pipeline.Stage]) throws -> RunRecord {
        let splits = [
            ("Training rows", recipe.data.train, material.train),
            ("Validation rows", recipe.data.validation, material.validation),
            ("Test rows", recipe.data.test, material.test),
        ]
        return RunRecord(
            recipe: recipe.name, resolvedRecipe: recipe.resolvedYAML(),
            environment: RunEnvironment.current().facts.map { .init($0.name, $0.value) },
            data: splits.map { .init($0.0, "\(grouped($0.2.count)) of \($0.1)") }
                + [.init("Classes", material.classes.joined(separator: ", "))] + (try vocabularyFacts(stages: stages))
                + (try roundingFacts(stages: stages)),
            learningCurves: try context.learningCurves(), headScores: try headScores(stages: stages),
            commands: RunRecord.repeating,
            digests: try splits.map { .init($0.1, try DataAddress($0.1).digest()) })
    }

    /// What rounding each part alone costs, from the table of the quantization: measured before it trains.
    private func roundingFacts(stages: [Pipeline.Stage]) throws -> [RunRecord.Fact] {
        guard stages.contains(.quantize), recipe.quantize?.sensitivity != nil else { return [] }
        let table = try String(contentsOf: run.file(Self.sensitivityFile), encoding: .utf8)
        return table.split(separator: "\n").dropFirst().map { line in
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 5, let kl = Double(fields[1]), let error = Double(fields[2]),
                let same = Double(fields[3])
            else { return .init("Rounding", String(line)) }
            return .init(
                "Rounding of \(fields[0])\(recipe.quantize!.method.trains ? ", before training" : "")",
                String(
                    format: "mean KL %.2e ± %.1e, same class %.1f %%; stored as %@", kl, error, 100 * same, fields[4]))
        }
    }

    private func headScores(stages: [Pipeline.Stage]) throws -> [HeadScore] {
        guard stages.contains(.prune) else { return [] }
        return try prunedHeads().map {
            HeadScore(
                layer: $0.layer, head: $0.head, score: $0.score, low: $0.low, high: $0.high,
                removedInRound: $0.removedInRound, isTold: $0.isTold)
        }
    }
}

extension Report: RunReport {
    public var headline: RunHeadline {
        RunHeadline(
            name: "Test accuracy, %", precision: 2,
            models: models.map { ($0.result.key, $0.result.name, $0.metrics.accuracy.value * 100) })
    }

    public var scalars: [(name: String, value: Double)] {
        models.flatMap { model -> [(name: String, value: Double)] in
            let key = model.result.key
            return [("\(key)/accuracy", model.metrics.accuracy.value), ("\(key)/macro_f1", model.metrics.macroF1)]
        }
    }

    public var files: [String] { ["report.json", "report.html", "samples.jsonl"] }

    /// The table, and a line with every model's value for each metric that it does not show.
    public func lines(showing metrics: [Recipe.Metric]) -> [String] {
        [table()]
            + metrics.compactMap { metric in
                let value: (ClassificationMetrics) -> Double?
                switch metric {
                case .accuracy: return nil
                case .macroF1: value = \.macroF1
                case .matthews: value = \.matthews
                case .ece: value = \.ece
                }
                let values = models.compactMap { model in
                    value(model.metrics).map { "\(model.result.key) \(String(format: "%.3f", $0))" }
                }
                return "\(metric.rawValue): \(values.joined(separator: ", "))"
            }
    }
}
