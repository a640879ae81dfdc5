import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Tokenizers

/// What a run would read and cost, found out without writing anything.
public struct RunPlan: Codable, Equatable, Sendable {
    public struct Split: Codable, Equatable, Sendable {
        public var name: String
        /// The address as the recipe has it.
        public var file: String
        /// How many files were read, and how many entries of those that are archives.
        public var files: Int
        public var entries: Int
        public var rows: Int
        public var skippedRows: Int
        /// Rows of each class, by class name.
        public var classes: [String: Int]
    }

    public var schema = 1
    public var recipe: String
    public var splits: [Split]
    /// Rows of validation and test whose text is a training text too.
    public var overlap: [String: Int]
    /// Word pieces per training row: median, 95th percentile, longest; and the share that is cut at `data.max_length`.
    public var medianLength: Int
    public var length95: Int
    public var longest: Int
    public var truncatedShare: Double
    public var vocabulary: Int
    public var stages: [String]
    public var trainingSteps: [String: Int]
    public var teacherParameters: Int
    public var studentParameters: Int
    /// Rough bytes of the recorded targets.
    public var targetBytes: Int
    public var freeDiskBytes: Int
    /// Rough peak memory of the run.
    public var memoryBytes: Int
    /// Rough time of all training steps, from a few real ones; the other stages add little.
    public var seconds: Double

    /// Reads everything that the recipe names.
    ///
    /// - Throws: `InputErrors` with every problem.
    public init(checking recipe: Recipe) throws {
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
            vocabulary: tokenizer.vocabularySize, classes: material.classes, source: source)
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
        teacherParameters = teacher.parameterCount
        studentParameters = student.parameterCount
        let rows = material.train.count
        let positions = lengths.reduce(0) { $0 + min($1, recipe.data.maxLength) }
        let width = recipe.teacher.targets.dtype == .float16 ? 2 : 4
        let layers = recipe.recorded
        // Queries, keys and values of a layer are three times its attention's width.
        let attention = layers.attention.reduce(0) { $0 + 3 * teacher.heads[$1 - 1] * teacher.headSize }
        targetBytes =
            recipe.teacher.targets.source == .live || recipe.teacher.targets.file != nil
            ? 0
            : positions * ((teacher.hiddenSize * layers.hidden.count + attention) * width + 4)
                + rows * (material.classes.count * 4 + 24)
        trainingSteps = Self.steps(of: recipe, rows: rows, adaptRows: material.adapt?.train.count ?? 0)
        let largest = max(teacherParameters, studentParameters)
        // Weights, gradients and two moments; activations of a batch of the longest rows; targets; the program itself.
        let wide = max(teacher.hiddenSize, student.hiddenSize)
        let teacherBatch = recipe.teacher.train?.batch ?? recipe.teacher.fineTune?.batch ?? 1
        let batchRows = max(recipe.train.batch, teacherBatch) * recipe.data.maxLength
        let activations = batchRows * wide * 30 * max(teacher.layers, student.layers)
        // A live teacher stands beside the student with its weights.
        let targets = recipe.teacher.targets.source == .live ? 4 * teacherParameters : min(targetBytes, 1 << 29)
        memoryBytes = 4 * (4 * largest + activations) + targets + (200 << 20)
        let values = try FileManager.default.attributesOfFileSystem(
            forPath: FileManager.default.currentDirectoryPath)
        freeDiskBytes = (values[.systemFreeSize] as? NSNumber)?.intValue ?? 0
        seconds = 0
        try checkRoom(recipe)
        seconds = try Self.seconds(recipe, material, tokenizer, teacher: teacher, student: student, trainingSteps)
    }

    /// The tokenizer and the shape of the teacher, ready-made or as the recipe will train it.
    private static func teacher(
        of recipe: Recipe, _ material: Material
    ) throws -> (any Tokenizer, EncoderConfiguration) {
        guard let model = recipe.teacher.model else {
            let tokenizer = try WordPieceTrainer(
                vocabularySize: recipe.tokenizer.vocabulary, minimumFrequency: recipe.tokenizer.minimumFrequency,
                lowercase: recipe.tokenizer.lowercase
            ).train(material.train.texts)
            return (
                tokenizer,
                recipe.teacherConfiguration(vocabulary: tokenizer.vocabularySize, classes: material.classes)
            )
        }
        let directory = URL(fileURLWithPath: model, isDirectory: true)
        let tokenizer = try TokenizerFiles.load(from: directory)
        try refuseSecondVocabulary(in: directory, beside: tokenizer, texts: material.train.texts)
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
        _ recipe: Recipe, _ material: Material, _ tokenizer: any Tokenizer, teacher: EncoderConfiguration,
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
        if let batch = recipe.teacher.train?.batch ?? recipe.teacher.fineTune?.batch {
            total += try step(teacher, batch: batch) * Double(steps["teacher"] ?? 0)
        }
        if recipe.teacher.targets.source == .live {
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
        if let quantize = recipe.quantize, quantize.method == .qat { steps["quantize"] = quantize.steps }
        return steps
    }

    /// Memory against the machine's; on the disk targets, checkpoints (weights and two moments, `keep` + 1 of them at a
    /// time) and five finished models.
    private func checkRoom(_ recipe: Recipe) throws {
        var errors: [InputError] = []
        func refuse(_ key: String, _ problem: String, _ remedy: String) {
            errors.append(recipe.places.error(at: key, problem: problem, remedy: remedy))
        }
        let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        if memoryBytes > machine {
            refuse(
                "student", "the run needs about \(memoryBytes >> 20) MB of memory, the machine has \(machine >> 20) MB",
                "make the teacher or the student smaller, or lower train.batch or data.max_length")
        }
        let largest = max(teacherParameters, studentParameters)
        // Weights and two moments, the average, and the best weights.
        let copies = 3 + (recipe.train.ema == nil ? 0 : 1) + (recipe.train.earlyStopping == nil ? 0 : 1)
        let needed = targetBytes + 4 * largest * (copies * (recipe.run.keep + 1) + 5)
        if freeDiskBytes > 0, needed > freeDiskBytes {
            refuse(
                "run.directory", "the run needs about \(needed >> 20) MB, and \(freeDiskBytes >> 20) MB are free",
                "free some space, choose another run.directory, name fewer layers in loss, or set teacher.targets.source=live"
            )
        }
        if !errors.isEmpty { throw InputErrors(errors) }
    }
}
