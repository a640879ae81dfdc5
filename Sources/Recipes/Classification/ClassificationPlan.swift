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
    /// Tokens that pruning keeps; nil where it keeps all.
    var prunedVocabulary: Int?
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

        let tokenizer = try recipe.makeTokenizer(material.train.texts)
        let teacher = try recipe.encoderTeacher(tokenizer, classes: material.classes, texts: material.train.texts)
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
        prunedVocabulary = try recipe.prunedVocabulary(tokenizer, for: material.trainedTexts)?.kept.count
        try recipe.checkTargets(material, tokenizer)
        let lengths = TokenLengths(material.train.texts, tokenizer, maxLength: recipe.data.maxLength)
        (medianLength, length95, longest) = (lengths.median, lengths.percentile95, lengths.longest)
        truncatedShare = lengths.truncatedShare
        vocabulary = tokenizer.vocabularySize
        stages = Pipeline.stages(of: recipe).map(\.rawValue)
        teacherParameters = teacher?.parameterCount ?? 0
        studentParameters = student.parameterCount
        let rows = material.train.count
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
            ? lengths.positions * (states * width + 4) + rows * (material.classes.count * 4 + 24) : 0
        trainingSteps = recipe.trainingSteps(examples: rows)
        if let adapt = recipe.adapt {
            trainingSteps["adapt"] = TrainingOptions.steps(
                epochs: adapt.epochs, examples: material.adapt?.train.count ?? 0, batch: recipe.train.batch)
        }
        if let prune = recipe.prune {
            trainingSteps["prune"] = prune.heads.allRecoverSteps + (prune.layers == nil ? 0 : prune.heads.recoverSteps)
        }
        if let quantize = recipe.quantize, quantize.method.trains { trainingSteps["quantize"] = quantize.steps }
        memoryBytes = recipe.encoderMemory(teacher: teacher, student: student, targetBytes: targetBytes)
        freeDiskBytes = AtomicFile.freeBytes(at: URL(fileURLWithPath: recipe.run.directory)) ?? 0
        seconds = 0
        try checkRoom(recipe, models: 5)
        seconds = try Self.seconds(recipe, material, tokenizer, teacher: teacher, student: student, trainingSteps)
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
            return try recipe.secondsOfStep(model.parameters, objective, batch: batch, microBatch: batch)
        }
        var total = 0.0
        if let teacher, let batch = recipe.teacherSchedule?.batch {
            total += try step(teacher, batch: batch) * Double(steps["teacher"] ?? 0)
        }
        if let teacher, recipe.teacher.targets.source == .live {
            let model = Encoder(teacher, key: RandomKey(0))
            let rows = Array(data.sequences.prefix(recipe.train.batch))
            let batch = PackedBatch(rows, samples: Array(rows.indices))
            let time = ContinuousClock().measure { _ = model.forward(batch, on: Tape(recording: false)) }
            let taught = steps.filter { !["teacher", "labels_only", "adapt"].contains($0.key) }.values.reduce(0, +)
            total += time.seconds * Double(taught)
        }
        let others = steps.filter { $0.key != "teacher" }.values.reduce(0, +)
        return total + (try step(student, batch: recipe.train.batch) * Double(others))
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
        var lines = [Self.line("recipe", "\(recipe): no problem found")]
        for split in splits {
            let classes = split.classes.sorted { $0.key < $1.key }.prefix(8).map { "\($0.key) \($0.value)" }
            let skipped = split.skippedRows > 0 ? ", \(split.skippedRows) bad rows left out" : ""
            lines.append(
                Self.line(split.name, "\(split.rows) rows of \(split.file)\(split.extent)\(skipped)")
                    + " (\(classes.joined(separator: ", "))\(split.classes.count > 8 ? ", …" : ""))")
        }
        let teacher =
            stages.contains(Pipeline.Stage.teacher.rawValue) ? "\(teacherParameters) parameters" : "what was recorded"
        return lines + Self.overlapLines(overlap) + [
            Self.line(
                "lengths",
                "median \(medianLength), 95 % up to \(length95), longest \(longest) word pieces; "
                    + String(format: "%.2f %% are cut", truncatedShare * 100)),
            Self.line(
                "vocabulary",
                "\(vocabulary) word pieces" + (prunedVocabulary.map { ", of which pruning keeps \($0)" } ?? "")),
            Self.line("teacher", teacher),
            Self.line("student", "\(studentParameters) parameters"),
        ] + closingLines(work: "training")
    }
}
