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
        let teacher = try Self.teacher(of: recipe, tokenizer)
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
        let lengths = tokenizer.encode(material.train.texts, maxLength: 1 << 20).map(\.count).sorted()
        medianLength = lengths[lengths.count / 2]
        longest = lengths[lengths.count - 1]
        truncatedShare = Double(lengths.count { $0 > recipe.data.maxLength }) / Double(lengths.count)
        vocabulary = tokenizer.vocabularySize
        stages = Pipeline.stages(of: recipe).map(\.rawValue)
        (teacherParameters, studentParameters) = (teacher?.parameterCount ?? 0, student.parameterCount)
        let epochs = recipe.trainingParts.reduce(0) { $0 + $1.epochs }
        func steps(_ epochs: Int, _ batch: Int) -> Int {
            TrainingOptions.steps(epochs: epochs, examples: rows.count, batch: batch)
        }
        trainingSteps = ["student": steps(epochs, recipe.train.batch)]
        if stages.contains(Pipeline.Stage.baseline.rawValue) {
            trainingSteps["labels_only"] = steps(recipe.wholeTraining.epochs, recipe.train.batch)
        }
        let taught =
            recipe.teacher.train.map { ($0.epochs, $0.batch) } ?? recipe.teacher.fineTune.map { ($0.epochs, $0.batch) }
        if let taught { trainingSteps["teacher"] = steps(taught.0, taught.1) }
        let positions = rows.reduce(0) { $0 + $1.count }
        if let teacher, stages.contains(Pipeline.Stage.label.rawValue) {
            let width = recipe.teacher.targets.dtype == .float16 ? 2 : 4
            targetBytes =
                positions * (teacher.hiddenSize * recipe.recorded.hidden.count * width + 4)
                + rows.count * (teacher.outputWidth * width + 24)
        }
        let wide = max(teacher?.hiddenSize ?? 0, student.hiddenSize)
        let batchRows = max(recipe.train.batch, taught?.1 ?? 1) * recipe.data.maxLength
        let activations = batchRows * wide * 30 * max(teacher?.layers ?? 0, student.layers)
        memoryBytes =
            4 * (4 * max(teacherParameters, studentParameters) + activations) + min(targetBytes, 1 << 29) + (200 << 20)
        freeDiskBytes = try Self.freeDisk()
        try checkRoom(recipe, models: 3)
        let sample = Array(rows.prefix(512))
        if let teacher, let taught {
            seconds += try Self.step(teacher, sample, recipe, taught.1) * Double(trainingSteps["teacher"]!)
        }
        seconds +=
            try Self.step(student, sample, recipe, recipe.train.batch)
            * Double(trainingSteps.filter { $0.key != "teacher" }.values.reduce(0, +))
    }

    /// The shape of the teacher, ready-made or as the recipe will train it; nil where there is none.
    private static func teacher(of recipe: Recipe, _ tokenizer: any Tokenizer) throws -> EncoderConfiguration? {
        guard let model = recipe.teacher.model else {
            return recipe.teacher.train.map { _ in
                recipe.valued(
                    recipe.teacherConfiguration(vocabulary: tokenizer.vocabularySize, classes: [Recipe.valueName]))
            }
        }
        let directory = Recipe.place(model)
        let fresh = recipe.teacher.fineTune.map { _ in [Recipe.valueName] }
        let configuration = try ModelDirectory.readEncoder(
            directory, allowingMissingHead: fresh, isRegression: true
        ).configuration
        try ModelDirectory.check(tokenizer, fits: configuration, in: directory)
        return configuration
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
        let trainer = Trainer(
            parameters: model.parameters, objective: objective,
            options: TrainingOptions(
                totalSteps: 4, batch: batch, microBatch: batch, learningRate: 0, decay: .constant, warmUp: 0, clip: 0,
                weightDecay: 0, seed: 0, precision: recipe.trainingPrecision, checkpointing: recipe.train.checkpointing)
        )
        _ = try trainer.takeStep()
        return try ContinuousClock().measure { for _ in 0..<3 { _ = try trainer.takeStep() } }.seconds / 3
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
        var lines = ["recipe       \(recipe): no problem found"]
        for split in splits {
            let numbers = split.numbers.map {
                String(format: " (numbers %.4g to %.4g, mean %.4g)", $0.least, $0.most, $0.mean)
            }
            lines.append(
                "\(split.name.padding(toLength: 13, withPad: " ", startingAt: 0))\(split.rows) rows of \(split.file)"
                    + (split.skippedRows > 0 ? ", \(split.skippedRows) bad rows left out" : "") + (numbers ?? ""))
        }
        for (name, count) in overlap.sorted(by: { $0.key < $1.key }) where count > 0 {
            lines.append("overlap      \(count) \(name) texts are training texts too")
        }
        return lines + [
            "lengths      median \(medianLength), longest \(longest) word pieces; "
                + String(format: "%.2f %% are cut", truncatedShare * 100),
            "vocabulary   \(vocabulary) word pieces",
            "teacher      " + (teacherParameters > 0 ? "\(teacherParameters) parameters" : "what was recorded"),
            "student      \(studentParameters) parameters",
            "stages       \(stages.map { name in trainingSteps[name].map { "\(name) (\($0) steps)" } ?? name }.joined(separator: " → "))",
            "memory       about \(memoryBytes >> 20) MB at most",
            "time         about \(Int((seconds / 60).rounded(.up))) min of training on this machine",
            "disk         about \(targetBytes / 1_000_000 + 1) MB of targets; \(freeDiskBytes / 1_000_000) MB free",
        ]
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
                _ = try Evaluation.Gate(
                    metric: gate.metric, expression: gate.condition,
                    models: Pipeline.evaluatedModels(of: Pipeline.stages(of: self)).map(\.key),
                    metrics: Evaluation.Gate.Metric.of(task))
            } catch {
                refuse("evaluate.gates.\(gate.metric)", error.problem, error.remedy ?? "")
            }
        }
        return problems
    }
}
