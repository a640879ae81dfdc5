import Distillation
import Evaluation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Tokenizers

/// What a regression's or a sentence embedder's run would read and cost.
struct ValuePlan: RunPlan {
    struct Split: Encodable {
        var name: String
        /// The address as the recipe has it.
        var file: String
        var rows: Int
        var skippedRows: Int
        /// Of a regression: the smallest and the largest number, and their mean.
        var numbers: Numbers?
    }

    struct Numbers: Encodable {
        var least: Double
        var most: Double
        var mean: Double

        init?(_ values: [Double]) {
            guard let least = values.min(), let most = values.max() else { return nil }
            (self.least, self.most) = (least, most)
            mean = values.reduce(0, +) / Double(values.count)
        }
    }

    var schema = 1
    var recipe: String
    var splits: [Split]
    /// Rows of validation and test whose text is a training text too.
    var overlap: [String: Int]
    /// Word pieces per training row: median, longest; and the share that is cut at `data.max_length`.
    var medianLength: Int
    var longest: Int
    var truncatedShare: Double
    var vocabulary: Int
    var stages: [String]
    var trainingSteps: [String: Int]
    var teacherParameters: Int
    var studentParameters: Int
    var targetBytes = 0
    var freeDiskBytes: Int
    var memoryBytes = 0
    /// Rough time of all training steps, from a few real ones.
    var seconds = 0.0

    /// Reads everything that the recipe names.
    ///
    /// - Throws: `InputErrors` with every problem.
    init(checking recipe: Recipe) throws {
        let material = try ValueMaterial(recipe)
        self.recipe = recipe.name
        splits = material.splits.map { name, rows in
            Split(
                name: name, file: rows.file, rows: rows.count, skippedRows: rows.skipped.count,
                numbers: Numbers(rows.numbers))
        }
        let known = Set(material.train.texts)
        overlap = material.splits.dropFirst().reduce(into: [:]) {
            $0[$1.name] = $1.rows.texts.count { known.contains($0) }
        }
        let tokenizer = try recipe.makeTokenizer(material.train.texts)
        let teacher = try recipe.encoderTeacher(
            tokenizer, classes: [Recipe.valueName], isRegression: true, texts: material.train.texts
        ) { recipe.valued($0) }
        let base = recipe.student.hidden == nil || recipe.student.initialize == .teacherLayers ? teacher : nil
        let student = recipe.valued(
            recipe.studentConfiguration(
                vocabulary: tokenizer.vocabularySize, classes: [Recipe.valueName], base: base ?? teacher), like: teacher
        )
        let problems = recipe.valueProblems(teacher: teacher, student: student)
        if !problems.isEmpty { throw InputErrors(problems) }
        let rows = tokenizer.encode(material.train.texts, maxLength: recipe.data.maxLength)
        for targets in try recipe.namedTargets(outcomes: nil) {
            try recipe.check(targets, tokenizer, rows)
            if recipe.loss.output.weight > 0 { _ = try targets.pooledWidth() }
        }
        let lengths = TokenLengths(material.train.texts, tokenizer, maxLength: recipe.data.maxLength)
        (medianLength, longest, truncatedShare) = (lengths.median, lengths.longest, lengths.truncatedShare)
        vocabulary = tokenizer.vocabularySize
        stages = Pipeline.stages(of: recipe).map(\.rawValue)
        (teacherParameters, studentParameters) = (teacher?.parameterCount ?? 0, student.parameterCount)
        trainingSteps = recipe.trainingSteps(examples: rows.count)
        if let teacher, stages.contains(Pipeline.Stage.label.rawValue) {
            let width = recipe.teacher.targets.dtype == .float16 ? 2 : 4
            targetBytes =
                lengths.positions * (teacher.hiddenSize * recipe.recorded.hidden.count * width + 4)
                + rows.count * (teacher.outputWidth * width + 24)
        }
        memoryBytes = recipe.encoderMemory(teacher: teacher, student: student, targetBytes: targetBytes)
        freeDiskBytes = AtomicFile.freeBytes(at: URL(fileURLWithPath: recipe.run.directory)) ?? 0
        try checkRoom(recipe, models: 3)
        let sample = Array(rows.prefix(512))
        if let teacher, let batch = recipe.teacherSchedule?.batch {
            seconds += try Self.step(teacher, sample, recipe, batch) * Double(trainingSteps["teacher"]!)
        }
        seconds +=
            try Self.step(student, sample, recipe, recipe.train.batch)
            * Double(trainingSteps.filter { $0.key != "teacher" }.values.reduce(0, +))
    }

    /// Seconds of a training step.
    private static func step(
        _ configuration: EncoderConfiguration, _ rows: [[Int32]], _ recipe: Recipe, _ batch: Int
    ) throws -> Double {
        let model = Encoder(configuration, key: RandomKey(0))
        let objective = try OutputObjective(
            student: model, sequences: rows, labels: nil, targets: Zeros(configuration.outputWidth),
            weights: OutputWeights(labels: 0, output: 1, outputLoss: .squaredError, matching: .labelsOnly),
            key: RandomKey(0))
        return try recipe.secondsOfStep(model.parameters, objective, batch: batch, microBatch: batch)
    }

    /// A teacher that gives zeros, to measure what a step costs.
    private struct Zeros: TeacherTargets {
        let width: Int
        init(_ width: Int) { self.width = width }
        func pooled(for sequences: [[Int32]]) -> Tensor { Tensor(zeros: [sequences.count, width]) }
        func pooledWidth() -> Int { width }
        func hiddenStates(layer: Int, for sequences: [[Int32]]) -> Tensor { Tensor(zeros: [0, width]) }
        func width(layer: Int) -> Int { width }
    }

    var lines: [String] {
        var lines = [Self.line("recipe", "\(recipe): no problem found")]
        for split in splits {
            let numbers = split.numbers.map {
                String(format: " (numbers %.4g to %.4g, mean %.4g)", $0.least, $0.most, $0.mean)
            }
            lines.append(
                Self.line(split.name, "\(split.rows) rows of \(split.file)")
                    + (split.skippedRows > 0 ? ", \(split.skippedRows) bad rows left out" : "") + (numbers ?? ""))
        }
        return lines + Self.overlapLines(overlap) + [
            Self.line(
                "lengths",
                "median \(medianLength), longest \(longest) word pieces; "
                    + String(format: "%.2f %% are cut", truncatedShare * 100)),
            Self.line("vocabulary", "\(vocabulary) word pieces"),
            Self.line("teacher", teacherParameters > 0 ? "\(teacherParameters) parameters" : "what was recorded"),
            Self.line("student", "\(studentParameters) parameters"),
        ] + closingLines(work: "training")
    }
}

extension Recipe {
    /// What of the recipe cannot work with this very teacher and student.
    func valueProblems(teacher: EncoderConfiguration?, student: EncoderConfiguration) -> [InputError] {
        var problems: [InputError] = []
        func refuse(_ key: String, _ problem: String, _ remedy: String) {
            problems.append(places.error(at: key, problem: problem, remedy: remedy))
        }
        if !student.hiddenSize.isMultiple(of: student.heads[0]) {
            refuse(
                "student.heads", "\(student.heads[0]) heads do not divide the hidden width \(student.hiddenSize)",
                "give both student.hidden and student.heads")
        }
        if let teacher {
            let wanted: EncoderConfiguration.Head = task == .regression ? .regression : .embedding
            if teacher.head != wanted {
                refuse(
                    "teacher.model", "its head is for \(teacher.head.rawValue), the task is \(task.rawValue)",
                    task == .regression
                        ? "give a model of one number, or add teacher.fine_tune, which trains a fresh head"
                        : "give a sentence-transformers model, with its modules.json")
            } else if task == .regression, teacher.outputWidth != 1 {
                refuse(
                    "teacher.model", "it gives \(teacher.outputWidth) numbers per text", "give a model of one number")
            }
            if data.maxLength > teacher.maximumPositions {
                refuse(
                    "data.max_length",
                    "\(data.maxLength) is more than the teacher's \(teacher.maximumPositions) positions",
                    "set data.max_length=\(teacher.maximumPositions) or less")
            }
            for pair in loss.features?.pairs ?? [] where pair.teacher > teacher.layers {
                refuse(
                    "loss.features.pairs",
                    "the teacher has \(teacher.layers) layers, a pair names layer \(pair.teacher)",
                    "name teacher layers from 0 (the embedding) to \(teacher.layers)")
            }
            if self.student.initialize == .teacherLayers, problems.isEmpty,
                !student.canCopyLayers(of: teacher, chosen: self.student.teacherLayers)
            {
                refuse(
                    "student.initialize",
                    "the student's sizes do not fit into the teacher's, whose layers are to be copied",
                    "give at most the teacher's sizes, or set student.initialize=random")
            }
        }
        for gate in evaluate.gates {
            do throws(InputError) {
                let models = Pipeline.evaluatedModels(of: Pipeline.stages(of: self)).map(\.key)
                _ = try Evaluation.Gate(
                    metric: gate.metric, expression: gate.condition, models: models,
                    metrics: Evaluation.Gate.Metric.of(task), subject: models.last)
            } catch {
                refuse("evaluate.gates.\(gate.metric)", error.problem, error.remedy ?? "")
            }
        }
        return problems
    }
}
