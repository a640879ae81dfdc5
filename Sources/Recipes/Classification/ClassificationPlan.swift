import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Tokenizers

/// What a classifier's run would read and cost.
struct ClassificationPlan: RunPlan {
    struct Split: Encodable {
        var name: String
        /// The address as the recipe has it.
        var file: String
        /// How many files were read, and how many entries of those that are archives.
        var files: Int
        var entries: Int
        var rows: Int
        var skippedRows: Int
        /// Rows of each class, by class name.
        var classes: [String: Int]
    }

    var schema = 1
    var recipe: String
    var splits: [Split]
    /// Rows of validation and test whose text is a training text too.
    var overlap: [String: Int]
    /// Word pieces per training row: median, 95th percentile, longest; and the share that is cut at `data.max_length`.
    var medianLength: Int
    var length95: Int
    var longest: Int
    var truncatedShare: Double
    var vocabulary: Int
    var stages: [String]
    var trainingSteps: [String: Int]
    var teacherParameters: Int
    var studentParameters: Int
    /// Rough bytes of the recorded targets.
    var targetBytes: Int
    var freeDiskBytes: Int
    /// Rough peak memory of the run.
    var memoryBytes: Int
    /// Rough time of all training steps, from a few real ones; the other stages add little.
    var seconds: Double

    /// Reads everything that the recipe names.
    ///
    /// - Throws: `InputErrors` with every problem.
    init(checking recipe: Recipe) throws {
        let material = try Material(recipe)
        self.recipe = recipe.name
        let all = [("train", material.train), ("validation", material.validation), ("test", material.test)]
        let others = zip(["adapt.train", "adapt.validation"], material.adaptRows).map { ($0, $1) }
        splits = (all + others).map { name, rows in
            Split(
                name: name, file: rows.file, files: rows.extent.files, entries: rows.extent.entries, rows: rows.count,
                skippedRows: rows.skipped.count,
                classes: rows.labels.reduce(into: [:]) { $0[$1, default: 0] += 1 })
        }
        let known = Set(material.train.texts)
        overlap = all.dropFirst().reduce(into: [:]) { $0[$1.0] = $1.1.texts.count { known.contains($0) } }

        let (tokenizer, teacher) = try Self.teacher(of: recipe, material)
        let source: EncoderConfiguration? =
            switch recipe.student.initialize {
            case .random: nil
            case .teacherLayers: teacher
            case .checkpoint:
                try recipe.readStudentCheckpoint(
                    tokenizer: tokenizer, classes: material.classes, texts: material.train.texts, key: RandomKey(0)
                ).configuration
            }
        let student = recipe.studentConfiguration(
            vocabulary: tokenizer.vocabularySize, classes: material.classes, base: source ?? teacher)
        let problems = recipe.problems(teacher: teacher, student: student, source: source)
        if !problems.isEmpty { throw InputErrors(problems) }
        try recipe.checkTargets(material, tokenizer)
        let lengths = tokenizer.encode(material.train.texts, maxLength: 1 << 20).map(\.count).sorted()
        medianLength = lengths[lengths.count / 2]
        length95 = lengths[lengths.count * 95 / 100]
        longest = lengths[lengths.count - 1]
        truncatedShare = Double(lengths.count { $0 > recipe.data.maxLength }) / Double(lengths.count)
        vocabulary = tokenizer.vocabularySize
        stages = Pipeline.stages(of: recipe).map(\.rawValue)
        teacherParameters = teacher?.parameterCount ?? 0
        studentParameters = student.parameterCount
        let rows = material.train.count
        let positions = lengths.reduce(0) { $0 + min($1, recipe.data.maxLength) }
        let width = recipe.teacher.targets.dtype == .float16 ? 2 : 4
        let layers = recipe.recorded
        // Queries, keys and values of a layer are three times its attention's width.
        let states =
            teacher.map { teacher in
                layers.attention.reduce(teacher.hiddenSize * layers.hidden.count) {
                    $0 + 3 * teacher.heads[$1 - 1] * teacher.headSize
                }
            } ?? 0
        targetBytes =
            stages.contains(Pipeline.Stage.label.rawValue)
            ? positions * (states * width + 4) + rows * (material.classes.count * 4 + 24) : 0
        trainingSteps = Self.steps(of: recipe, rows: rows, adaptRows: material.adapt?.train.count ?? 0)
        let largest = max(teacherParameters, studentParameters)
        // Weights, gradients and two moments; activations of a batch of the longest rows; targets; the program itself.
        let wide = max(teacher?.hiddenSize ?? 0, student.hiddenSize)
        let teacherBatch = recipe.teacher.train?.batch ?? recipe.teacher.fineTune?.batch ?? 1
        let batchRows = max(recipe.train.batch, teacherBatch) * recipe.data.maxLength
        let activations = batchRows * wide * 30 * max(teacher?.layers ?? 0, student.layers)
        // A live teacher stands beside the student with its weights.
        let targets = recipe.teacher.targets.source == .live ? 4 * teacherParameters : min(targetBytes, 1 << 29)
        memoryBytes = 4 * (4 * largest + activations) + targets + (200 << 20)
        freeDiskBytes = try Self.freeDisk()
        seconds = 0
        try checkRoom(recipe, models: 5)
        seconds = try Self.seconds(recipe, material, tokenizer, teacher: teacher, student: student, trainingSteps)
    }

    /// The tokenizer and the shape of the teacher, ready-made or as the recipe will train it; nil where there is none.
    private static func teacher(
        of recipe: Recipe, _ material: Material
    ) throws -> (any Tokenizer, EncoderConfiguration?) {
        let tokenizer = try recipe.makeTokenizer(material.train.texts)
        if let named = recipe.teacher.model ?? recipe.tokenizer.directory {
            try refuseSecondVocabulary(in: Recipe.place(named), beside: tokenizer, texts: material.train.texts)
        }
        guard let model = recipe.teacher.model else {
            return (
                tokenizer,
                recipe.teacher.train.map { _ in
                    recipe.teacherConfiguration(vocabulary: tokenizer.vocabularySize, classes: material.classes)
                }
            )
        }
        let directory = Recipe.place(model)
        let fresh = recipe.teacher.fineTune.map { _ in material.classes }
        let configuration = try ModelDirectory.readEncoder(directory, allowingMissingHead: fresh).configuration
        try ModelDirectory.check(tokenizer, fits: configuration, in: directory)
        return (tokenizer, configuration)
    }

    /// A model directory may hold `tokenizer.json` and `vocab.txt`: if they give other ids, one of them is not the model's.
    ///
    /// A vocabulary that is no WordPiece one is no second tokenizer.
    private static func refuseSecondVocabulary(
        in directory: URL, beside tokenizer: any Tokenizer, texts: [String]
    ) throws {
        let files = [TokenizerFiles.pipelineFile, TokenizerFiles.vocabularyFile].map(directory.appendingPathComponent)
        guard files.allSatisfy({ FileManager.default.fileExists(atPath: $0.path) }),
            tokenizer is WordPieceTokenizer, let second = try? TokenizerFiles.load(from: files[1]),
            let difference = tokenizer.difference(from: second, sample: Array(texts.prefix(500))),
            difference.differingIDs > 0 || difference.differingTexts > 0
        else { return }
        throw InputError(
            file: directory.path, field: "tokenizer.json and vocab.txt", problem: "\(difference)",
            remedy: "remove the one that the model was not trained with")
    }

    /// A few real steps of each model that is trained, times the number of steps.
    private static func seconds(
        _ recipe: Recipe, _ material: Material, _ tokenizer: any Tokenizer, teacher: EncoderConfiguration?,
        student: EncoderConfiguration, _ steps: [String: Int]
    ) throws -> Double {
        let sample = Array(material.train.texts.prefix(512))
        let data = LabelledSequences(
            sequences: tokenizer.encode(sample, maxLength: recipe.data.maxLength),
            labels: Array(material.classIndices(material.train).prefix(512)))
        func step(_ configuration: EncoderConfiguration, batch: Int) throws -> Double {
            let model = Encoder(configuration, key: RandomKey(0))
            let objective = try DistillationObjective(
                student: model, data: data, targets: nil, weights: .labelsOnly, key: RandomKey(0))
            let trainer = Trainer(
                parameters: model.parameters, objective: objective,
                options: TrainingOptions(
                    totalSteps: 4, batch: batch, microBatch: batch, learningRate: 0, decay: .constant, warmUp: 0,
                    clip: 0, weightDecay: 0, seed: 0, precision: recipe.trainingPrecision,
                    checkpointing: recipe.train.checkpointing))
            _ = try trainer.takeStep()
            let clock = ContinuousClock()
            let time = try clock.measure { for _ in 0..<3 { _ = try trainer.takeStep() } }
            return time.seconds / 3
        }
        var total = 0.0
        if let teacher, let batch = recipe.teacher.train?.batch ?? recipe.teacher.fineTune?.batch {
            total += try step(teacher, batch: batch) * Double(steps["teacher"] ?? 0)
        }
        if let teacher, recipe.teacher.targets.source == .live {
            let model = Encoder(teacher, key: RandomKey(0))
            let rows = Array(data.sequences.prefix(recipe.train.batch))
            let time = try ContinuousClock().measure { _ = try model.logits(of: rows) }
            let taught = steps.filter { !["teacher", "labels_only", "adapt"].contains($0.key) }.values.reduce(0, +)
            total += time.seconds * Double(taught)
        }
        let others = steps.filter { $0.key != "teacher" }.values.reduce(0, +)
        return total + (try step(student, batch: recipe.train.batch) * Double(others))
    }

    private static func steps(of recipe: Recipe, rows: Int, adaptRows: Int) -> [String: Int] {
        var steps: [String: Int] = [:]
        if let shape = recipe.teacher.train {
            steps["teacher"] = TrainingOptions.steps(epochs: shape.epochs, examples: rows, batch: shape.batch)
        } else if let tuning = recipe.teacher.fineTune {
            steps["teacher"] = TrainingOptions.steps(epochs: tuning.epochs, examples: rows, batch: tuning.batch)
        }
        let student = TrainingOptions.steps(
            epochs: recipe.wholeTraining.epochs, examples: rows, batch: recipe.train.batch)
        steps["student"] = student
        if recipe.train.baseline { steps["labels_only"] = student }
        if let adapt = recipe.adapt {
            steps["adapt"] = TrainingOptions.steps(
                epochs: adapt.epochs, examples: adaptRows, batch: recipe.train.batch)
        }
        if let prune = recipe.prune { steps["prune"] = prune.heads.rounds * prune.heads.recoverSteps }
        if let quantize = recipe.quantize, quantize.method.trains { steps["quantize"] = quantize.steps }
        return steps
    }
}

extension ClassificationPlan.Split {
    /// How many files and entries were read, where it is not one file.
    fileprivate var extent: String {
        let parts = [(files, "file", "files"), (entries, "entry", "entries")].filter { $0.0 > 0 }
        guard files > 1 || entries > 0 else { return "" }
        return ", " + parts.map { "\($0.0) \($0.0 == 1 ? $0.1 : $0.2)" }.joined(separator: " with ")
    }
}

extension ClassificationPlan {
    /// The plan for a person, a fact per line.
    var lines: [String] {
        var lines = ["recipe       \(recipe): no problem found"]
        for split in splits {
            let classes = split.classes.sorted { $0.key < $1.key }.prefix(8).map { "\($0.key) \($0.value)" }
            let skipped = split.skippedRows > 0 ? ", \(split.skippedRows) bad rows left out" : ""
            lines.append(
                "\(split.name.padding(toLength: 13, withPad: " ", startingAt: 0))\(split.rows) rows of \(split.file)\(split.extent)\(skipped)"
                    + " (\(classes.joined(separator: ", "))\(split.classes.count > 8 ? ", …" : ""))")
        }
        for (name, count) in overlap.sorted(by: { $0.key < $1.key }) where count > 0 {
            lines.append("overlap      \(count) \(name) texts are training texts too")
        }
        lines += [
            "lengths      median \(medianLength), 95 % up to \(length95), longest \(longest) word pieces; "
                + String(format: "%.2f %% are cut", truncatedShare * 100),
            "vocabulary   \(vocabulary) word pieces",
            "teacher      "
                + (stages.contains(Pipeline.Stage.teacher.rawValue)
                    ? "\(teacherParameters) parameters" : "what was recorded"),
            "student      \(studentParameters) parameters",
            "stages       \(stages.map { name in trainingSteps[name].map { "\(name) (\($0) steps)" } ?? name }.joined(separator: " → "))",
            "memory       about \(memoryBytes >> 20) MB at most",
            "time         about \(Int((seconds / 60).rounded(.up))) min of training on this machine",
            "disk         about \(targetBytes / 1_000_000 + 1) MB of targets; \(freeDiskBytes / 1_000_000) MB free",
        ]
        return lines
    }
}
