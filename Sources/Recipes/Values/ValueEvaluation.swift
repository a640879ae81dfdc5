import Distillation
import Evaluation
import Files
import Formats
import Foundation
import Layers
import Models

extension ValueStages {
    /// Runs every model of the run over the test rows.
    func evaluate(stages: [Pipeline.Stage]) throws -> (report: any RunReport, result: StageResult) {
        let rows = try sequences(material.test)
        let present = Pipeline.evaluatedModels(of: stages)
        var reference: TextOutputs?
        var results: [ScoreReport.Model] = []
        for (done, entry) in present.enumerated() {
            try Interruption.check()
            observer.advanced(Pipeline.Stage.evaluate.rawValue, done: done, total: present.count, unit: "models")
            let model = try ModelDirectory.readEncoder(run.file(entry.folder))
            let outputs = try outputs(of: model, rows)
            let weights = try StoredWeights(directory: run.file(entry.folder)).file
            let comparisons = try reference.map { try compare(outputs, with: $0) } ?? []
            results.append(
                ScoreReport.Model(
                    key: entry.key, name: entry.name, path: entry.folder, parameters: model.parameterCount,
                    bytes: try FileManager.default.attributesOfItem(atPath: weights)[.size] as? Int,
                    scores: recipe.task == .regression
                        ? outputs.scores(against: material.test.numbers, seed: recipe.seed) : [],
                    comparisons: comparisons))
            if done == 0 { reference = outputs }
        }
        let gates = try recipe.evaluate.gates.map {
            try Gate(
                metric: $0.metric, expression: $0.condition, models: present.map(\.key),
                metrics: Gate.Metric.of(recipe.task))
        }
        let report = try ScoreReport(
            task: recipe.task.rawValue, record: try record(), data: "\(grouped(rows.count)) test rows", models: results,
            gates: gates, reference: present[0].key)
        try report.write(to: run.file("report"))
        return (report, report.result)
    }

    private func compare(_ outputs: TextOutputs, with reference: TextOutputs) throws -> [ScoreReport.Score] {
        guard recipe.task == .regression else { return [outputs.similarityScore(to: reference, seed: recipe.seed)] }
        let (own, theirs) = (outputs.numbers, reference.numbers)
        return [
            .init(
                .similarity,
                Bootstrap.statistic(rows: own.count, resamples: 500, seed: recipe.seed) { rows in
                    Correlation.spearman(rows.map { own[$0] }, rows.map { theirs[$0] })
                })
        ]
    }

    private func record() throws -> RunRecord {
        RunRecord(
            recipe: recipe.name, resolvedRecipe: recipe.resolvedYAML(),
            environment: RunEnvironment.current().facts.map { .init($0.name, $0.value) },
            data: material.splits.map { .init("Rows, \($0.name)", "\(grouped($0.rows.count)) of \($0.rows.file)") },
            learningCurves: try context.learningCurves(), commands: ["retort run resolved.yaml"],
            digests: try material.splits.map { .init($0.rows.file, try DataAddress($0.rows.file).digest()) })
    }

    /// Writes the finished student in each format, and reads it back: it must give the very outputs.
    func export() throws -> StageResult {
        try context.export(
            ModelFolder.student, provedOn: Array(sequences(material.validation).prefix(256)),
            facts: [
                ("task", recipe.task.rawValue),
                ("training rows", "\(grouped(material.train.count)) of \(recipe.data.train)"),
            ])
    }
}

extension Gate.Metric {
    /// What a task is judged by.
    static func of(_ task: Recipe.Task) -> [Gate.Metric] {
        switch task {
        case .classification: ofClassification
        case .languageModel: [.perplexity, .agreement, .klMean]
        case .regression: [.pearson, .spearman, .rmse, .similarity]
        case .embedding: [.similarity]
        }
    }
}
