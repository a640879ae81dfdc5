import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Tokenizers

/// How long the training rows of a plan are, in word pieces.
struct TokenLengths {
    let median: Int
    let percentile95: Int
    let longest: Int
    /// Share of the rows that are cut at `data.max_length`.
    let truncatedShare: Double
    /// Word pieces of all rows after the cut.
    let positions: Int

    /// - Parameter texts: at least one.
    init(_ texts: [String], _ tokenizer: any Tokenizers.Tokenizer, maxLength: Int) {
        let lengths = tokenizer.encode(texts, maxLength: 1 << 20).map(\.count).sorted()
        median = lengths[lengths.count / 2]
        percentile95 = lengths[lengths.count * 95 / 100]
        longest = lengths[lengths.count - 1]
        truncatedShare = Double(lengths.count { $0 > maxLength }) / Double(lengths.count)
        positions = lengths.reduce(0) { $0 + min($1, maxLength) }
    }
}

extension Recipe {
    /// The shape of the encoder that teaches, ready-made or as the recipe will train it; nil where there is none.
    ///
    /// - Parameter shape: makes the task's configuration of the one that the recipe gives.
    /// - Throws: `InputError` for a teacher that cannot be read, or whose tokenizer is not its own.
    func encoderTeacher(
        _ tokenizer: any Tokenizers.Tokenizer, classes: [String], isRegression: Bool = false, texts: [String],
        shape: (EncoderConfiguration) -> EncoderConfiguration = { $0 }
    ) throws -> EncoderConfiguration? {
        if let named = teacher.model ?? self.tokenizer.directory {
            try Self.refuseSecondVocabulary(in: Recipe.place(named), beside: tokenizer, texts: texts)
        }
        guard let model = teacher.model else {
            return teacher.train.map { _ in
                shape(teacherConfiguration(vocabulary: tokenizer.vocabularySize, classes: classes))
            }
        }
        let directory = Recipe.place(model)
        let configuration = try ModelDirectory.readEncoder(
            directory, allowingMissingHead: teacher.fineTune.map { _ in classes }, isRegression: isRegression
        ).configuration
        try ModelDirectory.check(tokenizer, fits: configuration, in: directory)
        return configuration
    }

    /// A model directory may hold `tokenizer.json` and `vocab.txt`: if they give other ids, one of them is not the model's.
    ///
    /// A vocabulary that is no WordPiece one is no second tokenizer.
    private static func refuseSecondVocabulary(
        in directory: URL, beside tokenizer: any Tokenizers.Tokenizer, texts: [String]
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

    /// Rough peak memory of a run over encoders: weights, gradients and two moments of the largest; activations of a batch of the
    /// longest rows; targets; the program itself.
    func encoderMemory(teacher: EncoderConfiguration?, student: EncoderConfiguration, targetBytes: Int) -> Int {
        let largest = max(teacher?.parameterCount ?? 0, student.parameterCount)
        let wide = max(teacher?.hiddenSize ?? 0, student.hiddenSize)
        let positions = max(train.batch, teacherSchedule?.batch ?? 1) * data.maxLength
        let activations = positions * wide * 30 * max(teacher?.layers ?? 0, student.layers)
        // A live teacher stands beside the student with its weights.
        let targets =
            self.teacher.targets.source == .live ? 4 * (teacher?.parameterCount ?? 0) : min(targetBytes, 1 << 29)
        return 4 * (4 * largest + activations) + targets + (200 << 20)
    }

    /// Seconds of a training step, from a few real ones that change nothing.
    func secondsOfStep(
        _ parameters: [Parameter], _ objective: any Objective, batch: Int, microBatch: Int, measured: Int = 3
    ) throws -> Double {
        let trainer = Trainer(
            parameters: parameters, objective: objective,
            options: TrainingOptions(
                totalSteps: measured + 1, batch: batch, microBatch: microBatch, learningRate: 0, decay: .constant,
                warmUp: 0, clip: 0, weightDecay: 0, seed: 0, precision: trainingPrecision,
                checkpointing: train.checkpointing))
        _ = try trainer.takeStep()
        let time = try ContinuousClock().measure { for _ in 0..<measured { _ = try trainer.takeStep() } }
        return time.seconds / Double(measured)
    }

    /// Steps of every training: the teacher's, the student's, the baseline's.
    func trainingSteps(examples: Int) -> [String: Int] {
        func steps(_ epochs: Int, _ batch: Int) -> Int {
            TrainingOptions.steps(epochs: epochs, examples: examples, batch: batch)
        }
        let student = steps(wholeTraining.epochs, train.batch)
        var result = ["student": student]
        if Pipeline.stages(of: self).contains(.baseline) { result["labels_only"] = student }
        if let schedule = teacherSchedule { result["teacher"] = steps(schedule.epochs, schedule.batch) }
        return result
    }
}
