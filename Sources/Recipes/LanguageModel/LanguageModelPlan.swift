import Distillation
import Evaluation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Tokenizers

/// What a language model's run would read and cost.
struct LanguageModelPlan: RunPlan {
    struct Split: Encodable {
        var name: String
        /// The address as the recipe has it.
        var file: String
        var records: Int
        var tokens: Int
        var skippedRecords: Int
    }

    var schema = 1
    var recipe: String
    var splits: [Split]
    /// Tokens of a row, and rows of the training texts.
    var window: Int
    var windows: Int
    var vocabulary: Int
    var stages: [String]
    var trainingSteps: [String: Int]
    var teacherParameters: Int
    var studentParameters: Int
    var targetBytes = 0
    var freeDiskBytes: Int
    var memoryBytes = 0
    /// Rough time of recording and training, from a few real steps.
    var seconds = 0.0

    /// Reads everything that the recipe names.
    ///
    /// - Throws: `InputErrors` with every problem.
    init(checking recipe: Recipe) throws {
        let corpus = try Corpus(recipe)
        let place = DecoderDirectory.place(of: Recipe.place(recipe.teacher.model!))
        guard DecoderDirectory.isDecoder(place) else {
            throw InputErrors([
                recipe.places.error(
                    at: "teacher.model", problem: "\(place.path) is no language model of a known family",
                    remedy: "give a GPT-2, Llama or Qwen2 model: a directory as published, or a GGUF file")
            ])
        }
        let (teacher, tokenizer) = try DecoderDirectory.readTeacher(place)
        let configuration = teacher.configuration
        let problems = recipe.problems(teacher: configuration, tokenizer: tokenizer)
        if !problems.isEmpty { throw InputErrors(problems) }
        let student = recipe.studentConfiguration(teacher: configuration)
        let reader = CorpusTokenizer(tokenizer: tokenizer, end: try recipe.endToken(of: configuration))
        self.recipe = recipe.name
        window = recipe.data.maxLength
        let named = try recipe.namedTargets(outcomes: recipe.usesPredictions ? configuration.vocabularySize : nil)
        var sample: [[Int32]] = []
        var errors: [InputError] = []
        var rows = 0
        splits = corpus.splits.compactMap { split in
            do {
                let read = try Self.read(split, recipe, reader) { row in
                    guard split.name == "train" else { return }
                    for targets in named { try targets.requireRows([row]) }
                }
                if split.name == "train" { (sample, rows) = (read.sample, read.rows) }
                return read.split
            } catch let several as InputErrors {
                errors += several.errors
            } catch let error as InputError {
                errors.append(error)
            } catch {
                errors.append(InputError(file: split.source.name, problem: "\(error)"))
            }
            return nil
        }
        guard errors.isEmpty else { throw InputErrors(errors) }
        let tokens = splits[0].tokens
        windows = rows
        vocabulary = configuration.vocabularySize
        stages = Pipeline.stages(of: recipe).map(\.rawValue)
        teacherParameters = configuration.parameterCount
        studentParameters = student.parameterCount
        freeDiskBytes = AtomicFile.freeBytes(at: URL(fileURLWithPath: recipe.run.directory)) ?? 0
        trainingSteps = recipe.trainingSteps(examples: windows)
        if stages.contains(Pipeline.Stage.label.rawValue) {
            let width = recipe.teacher.targets.dtype == .float16 ? 2 : 4
            let kept = recipe.usesPredictions ? 8 * recipe.teacher.targets.keep + 8 : 0
            targetBytes = tokens * (kept + 4 + configuration.hiddenSize * recipe.recorded.hidden.count * width)
        }
        let positions = recipe.train.microBatch * window
        let activations =
            positions * student.layers * (14 * student.hiddenSize + 4 * (student.feedForward.max() ?? 0))
            + 64 * vocabulary
        let trained = recipe.teacher.fineTune == nil ? studentParameters : max(studentParameters, teacherParameters)
        // The teacher's weights; weights, gradients and two moments of what is trained; the logits of a block of positions.
        memoryBytes = 4 * (teacherParameters + 4 * trained + activations) + positions * vocabulary * 2 + (200 << 20)
        try recipe.checkPositionTargets(named, tokenizer, first: sample[0])
        try checkRoom(recipe, models: 3)
        seconds = try time(recipe, teacher, student, sample)
    }

    /// Reads a whole split, shows each row, and keeps the first ones.
    private static func read(
        _ split: Corpus.Split, _ recipe: Recipe, _ reader: CorpusTokenizer, each: ([Int32]) throws -> Void
    ) throws -> (split: Split, sample: [[Int32]], rows: Int) {
        let (window, wanted) = (recipe.data.maxLength, 4 * recipe.train.batch)
        switch split.source {
        case .texts(let address):
            var (sample, rest): ([[Int32]], [Int32]) = ([], [])
            func take(_ row: [Int32]) throws {
                try each(row)
                if sample.count < wanted { sample.append(row) }
            }
            let extent = try reader.forEachPiece(of: address, recipe.data) { _ in
            } _: {
                rest += $0
                var start = 0
                while rest.count - start >= window {
                    try take(Array(rest[start..<start + window]))
                    start += window
                }
                rest.removeFirst(start)
            }
            if rest.count > 1 { try take(rest) }
            let read = Split(
                name: split.name, file: split.source.name, records: extent.records, tokens: extent.tokens,
                skippedRecords: extent.skipped.count)
            return (read, sample, extent.tokens / window + (extent.tokens % window > 1 ? 1 : 0))
        case .recording(let url):
            let targets = try SoftTargets(reading: url)
            try targets.requireFit(reader.tokenizer)
            let rows = try targets.tokenRows(from: 2, to: window, limit: recipe.data.limit)
            for row in 0..<rows.count { try each(rows.tokens(row)) }
            let read = Split(
                name: split.name, file: split.source.name, records: rows.count, tokens: rows.tokenCount,
                skippedRecords: 0)
            return (read, try rows.tokens(0..<min(wanted, rows.count)), rows.count)
        }
    }

    /// A step of each model, times how often it is taken.
    private func time(
        _ recipe: Recipe, _ teacher: Decoder, _ student: DecoderConfiguration, _ rows: [[Int32]]
    ) throws -> Double {
        func step(_ model: Decoder, batch: Int) throws -> Double {
            let objective = try LanguageModelObjective(
                student: model, rows: rows, targets: nil, weights: .labelsOnly, key: RandomKey(0))
            let batch = min(batch, rows.count)
            return try recipe.secondsOfStep(
                model.parameters, objective, batch: batch, microBatch: min(batch, recipe.train.microBatch), measured: 1)
        }
        var total = 0.0
        if stages.contains(Pipeline.Stage.label.rawValue) || recipe.teacher.targets.source == .live {
            let forward = ContinuousClock().measure { _ = teacher.logits(PackedBatch([rows[0]], samples: [0])) }.seconds
            let passes = recipe.teacher.targets.source == .live ? recipe.wholeTraining.epochs : 1
            total += forward * Double(windows * passes)
        }
        let fresh = try step(Decoder(student, key: RandomKey(0)), batch: recipe.train.batch)
        total += fresh * Double((trainingSteps["student"] ?? 0) + (trainingSteps["labels_only"] ?? 0))
        if let tuning = recipe.teacher.fineTune, let steps = trainingSteps["teacher"] {
            total += try step(teacher, batch: tuning.batch) * Double(steps)
        }
        return total
    }

    var lines: [String] {
        let splits = splits.map { split in
            Self.line(split.name, "\(grouped(split.records)) records, \(grouped(split.tokens)) tokens of \(split.file)")
                + (split.skippedRecords > 0 ? ", \(split.skippedRecords) bad ones left out" : "")
        }
        return [Self.line("recipe", "\(recipe): no problem found")] + splits + [
            Self.line("windows", "\(grouped(windows)) of \(window) tokens"),
            Self.line("vocabulary", "\(grouped(vocabulary)) tokens"),
            Self.line("teacher", "\(grouped(teacherParameters)) parameters"),
            Self.line("student", "\(grouped(studentParameters)) parameters"),
        ] + closingLines(work: "recording and training")
    }
}
