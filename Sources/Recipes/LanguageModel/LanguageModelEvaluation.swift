import Distillation
public import Evaluation
import Files
import Formats
import Foundation
import Models
import Tensors
import Tokenizers

extension LanguageModelStages {
    /// Runs every model of the run, and the student as it began where it began with the teacher's layers, over the test texts.
    func evaluate(stages: [Pipeline.Stage]) throws -> (report: any RunReport, result: StageResult) {
        let rows = try rows("test")
        var entries: [(key: String, name: String, path: String, model: Decoder)] = [
            (
                "teacher", try isTeacher ? "Teacher" : "Base model", teacherPlace.relativePath,
                try DecoderDirectory.read(teacherPlace)
            )
        ]
        if recipe.student.initialize == .teacherLayers {
            entries.append(("truncated", "Student, untrained", "", try freshStudent()))
        }
        for entry in Pipeline.evaluatedModels(of: stages) where entry.key != "teacher" {
            entries.append(
                (entry.key, entry.name, entry.folder, try DecoderDirectory.read(run.file(entry.folder))))
        }
        let scores = try LanguageModelScores.all(of: entries.map(\.model), on: rows) { done, total in
            try Interruption.check()
            observer.advanced(Pipeline.Stage.evaluate.rawValue, done: done, total: total, unit: "windows")
        }
        let results = try zip(entries, scores).map { entry, scores in
            ScoreReport.Model(
                key: entry.key, name: entry.name, path: entry.path,
                parameters: entry.model.configuration.parameterCount,
                bytes: entry.path.isEmpty ? nil : try weightBytes(ofModel: entry.key, at: entry.path),
                scores: scores.scores(seed: recipe.seed), comparisons: scores.comparisons(seed: recipe.seed))
        }
        let gates = try recipe.evaluate.gates.map {
            try Gate(
                metric: $0.metric, expression: $0.condition, models: results.map(\.key),
                metrics: Gate.Metric.of(.languageModel))
        }
        let report = try ScoreReport(
            task: recipe.task.rawValue, record: try record(),
            data: "\(grouped(rows.count)) windows of the test texts, \(grouped(scores[0].positions)) predicted tokens",
            models: results, gates: gates, reference: "teacher",
            margins: recipe.evaluate.strict
                ? { gate in
                    let other = results.firstIndex { $0.key == gate.threshold.model }
                    return scores.last.map {
                        $0.margin(gate, against: other.map { scores[$0] }, seed: self.recipe.seed)
                    }
                } : nil)
        try report.write(to: run.file("report"))
        return (report, report.result)
    }

    /// Whether the model that the recipe names gave the targets: those of a served teacher, or of several, are of others.
    private var isTeacher: Bool {
        get throws {
            let named = recipe.teacher.targets.named
            guard !named.isEmpty else { return true }
            let digest = try LoadedTeacher.digest(of: teacherPlace)
            return try named.allSatisfy {
                try SoftTargets(reading: Recipe.place($0)).description.digests[SoftTargetDescription.teacher] == digest
            }
        }
    }

    private func weightBytes(ofModel key: String, at path: String) throws -> Int {
        let place = key == "teacher" ? teacherPlace : run.file(path)
        return try FileKind(at: place) == .gguf
            ? FileSize.bytes(at: place.path) ?? 0 : StoredWeights(directory: place).byteCount
    }

    private func record() throws -> RunRecord {
        let splits = try corpus.splits.map { split in
            (split.name, split.source.name, try rows(split.name).tokenCount)
        }
        return RunRecord(
            recipe: recipe.name, resolvedRecipe: recipe.resolvedYAML(),
            environment: RunEnvironment.current().facts.map { .init($0.name, $0.value) },
            data: splits.map { .init("Tokens, \($0.0)", "\(grouped($0.2)) of \($0.1)") },
            learningCurves: try context.learningCurves(), commands: RunRecord.repeating,
            digests: try corpus.splits.map { .init($0.source.name, try $0.source.digest()) })
    }

    /// Writes the finished student in each format, and reads it back: it must give the model's logits behind the beginnings
    /// of validation rows.
    func export() throws -> StageResult {
        let rows = try rows("validation")
        return try context.export(
            ModelFolder.student, provedOn: (0..<min(8, rows.count)).map { Array(try rows.tokens($0).prefix(32)) },
            facts: [("distilled from", recipe.teacher.model!), ("training text", recipe.data.train)])
    }
}

extension LanguageModelScores {
    /// The perplexity, its interval from resampled rows.
    func scores(seed: UInt64) -> [ScoreReport.Score] {
        let loss = estimate(losses, seed)
        return [.init(.perplexity, Estimate(value: exp(loss.value), low: exp(loss.low), high: exp(loss.high)))]
    }

    /// Against the reference: agreement and divergence, their intervals from resampled rows.
    func comparisons(seed: UInt64) -> [ScoreReport.Score] {
        guard !divergences.isEmpty else { return [] }
        return [
            .init(.agreement, estimate(agreements.map(Double.init), seed)), .init(.klMean, estimate(divergences, seed)),
        ]
    }

    /// A gate's margin with its interval from resampled rows, which both models are asked.
    func margin(_ gate: Gate, against other: LanguageModelScores?, seed: UInt64) -> Estimate {
        func statistic(_ scores: LanguageModelScores) -> ([Int]) -> Double {
            let sums =
                switch gate.metric {
                case .agreement: scores.agreements.map(Double.init)
                case .klMean: scores.divergences
                default: scores.losses
                }
            return { rows in
                let count = rows.reduce(0) { $0 + scores.counts[$1] }
                let mean = rows.reduce(0) { $0 + sums[$1] } / Double(max(1, count))
                return gate.metric == .perplexity ? exp(mean) : mean
            }
        }
        return gate.margin(rows: counts.count, seed: seed, of: statistic(self), against: other.map(statistic))
    }

    /// The mean over positions of what was summed per row.
    private func estimate(_ sums: [Double], _ seed: UInt64) -> Estimate {
        Bootstrap.ratio(of: sums, per: counts, seed: seed)
    }
}

extension ScoreReport: RunReport {
    public var headline: RunHeadline {
        let metric = (models.flatMap(\.scores) + models.flatMap(\.comparisons)).first?.metric ?? .similarity
        return RunHeadline(
            name: "Test \(metric.rawValue)", precision: 3, isCost: [.perplexity, .klMean, .rmse].contains(metric),
            models: models.compactMap { model in model.value(metric).map { (model.key, model.name, $0) } })
    }

    public var scalars: [(name: String, value: Double)] {
        models.flatMap { model -> [(name: String, value: Double)] in
            (model.scores + model.comparisons).map { ("\(model.key)/\($0.metric.rawValue)", $0.estimate.value) }
        }
    }

    public var files: [String] { ["report.json", "report.html"] }

    public func lines(showing metrics: [Recipe.Metric]) -> [String] { [table()] }
}
