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
        var found: [(key: String, outputs: TextOutputs)] = []
        var results: [ScoreReport.Model] = []
        for (done, entry) in present.enumerated() {
            try Interruption.check()
            observer.advanced(Pipeline.Stage.evaluate.rawValue, done: done, total: present.count, unit: "models")
            let model = try ModelDirectory.readEncoder(run.file(entry.folder))
            let outputs = try outputs(of: model, rows)
            let comparisons = try found.first.map { try compare(outputs, with: $0.outputs) } ?? []
            results.append(
                ScoreReport.Model(
                    key: entry.key, name: entry.name, path: entry.folder, parameters: model.parameterCount,
                    bytes: try StoredWeights(directory: run.file(entry.folder)).byteCount,
                    scores: recipe.task == .regression
                        ? outputs.scores(against: material.test.numbers, seed: recipe.seed) : [],
                    comparisons: comparisons))
            found.append((entry.key, outputs))
        }
        let gates = try recipe.evaluate.gates.map {
            try Gate(
                metric: $0.metric, expression: $0.condition, models: present.map(\.key),
                metrics: Gate.Metric.of(recipe.task))
        }
        let report = try ScoreReport(
            task: recipe.task.rawValue, record: try record(), data: "\(grouped(rows.count)) test rows", models: results,
            gates: gates, reference: present[0].key,
            margins: recipe.evaluate.strict ? { self.margin($0, found) } : nil)
        try report.write(to: run.file("report"))
        return (report, report.result)
    }

    /// A gate's margin with its interval over the test rows.
    private func margin(_ gate: Gate, _ found: [(key: String, outputs: TextOutputs)]) -> Estimate? {
        guard let subject = found.last?.outputs, let reference = found.first?.outputs else { return nil }
        guard recipe.task == .regression else {
            return gate.margin(
                rows: subject.count, seed: recipe.seed, of: subject.similarityOfTexts(to: reference, seed: recipe.seed))
        }
        let other = gate.threshold.model.flatMap { key in found.first { $0.key == key } }
        let (labels, theirs) = (material.test.numbers, reference.numbers)
        func statistic(_ outputs: TextOutputs) -> ([Int]) -> Double {
            let numbers = outputs.numbers
            return { rows in
                let own = rows.map { numbers[$0] }
                return switch gate.metric {
                case .pearson: Correlation.pearson(own, rows.map { labels[$0] })
                case .spearman: Correlation.spearman(own, rows.map { labels[$0] })
                case .rmse: TextOutputs.rootMeanSquare(own, rows.map { labels[$0] })
                default: Correlation.spearman(own, rows.map { theirs[$0] })
                }
            }
        }
        return gate.margin(
            rows: labels.count, seed: recipe.seed, of: statistic(subject), against: other.map { statistic($0.outputs) })
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
            learningCurves: try context.learningCurves(), commands: RunRecord.repeating,
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
