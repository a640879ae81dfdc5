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
        freeDiskBytes = try Self.freeDisk()
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

extension Recipe {
    /// What of the recipe cannot work with this very teacher. Found before training, not after it.
    func problems(teacher: DecoderConfiguration, tokenizer: any Tokenizers.Tokenizer) -> [InputError] {
        var problems: [InputError] = []
        func refuse(_ key: String, _ problem: String, _ remedy: String) {
            problems.append(places.error(at: key, problem: problem, remedy: remedy))
        }
        if tokenizer.vocabularySize > teacher.vocabularySize {
            refuse(
                "teacher.model",
                "the tokenizer has \(tokenizer.vocabularySize) tokens, the model's table \(teacher.vocabularySize) rows",
                "give the tokenizer that the model was trained with")
        }
        if data.maxLength > teacher.maximumPositions {
            refuse(
                "data.max_length", "\(data.maxLength) is more than the teacher's \(teacher.maximumPositions) positions",
                "set data.max_length=\(teacher.maximumPositions) or less")
        }
        if student.layers > teacher.layers, student.initialize == .teacherLayers {
            refuse(
                "student.layers", "\(student.layers) layers are to be copied from a teacher of \(teacher.layers)",
                "use at most \(teacher.layers), or initialize: random")
        }
        let heads = student.heads ?? teacher.heads[0]
        let hidden = student.hidden ?? teacher.hiddenSize
        guard hidden.isMultiple(of: heads), (hidden / heads).isMultiple(of: 2), teacher.heads[0] > 0 else {
            refuse(
                "student.heads",
                "\(heads) heads on the width \(hidden): a head's width must be a whole and even number",
                "give student.hidden and student.heads so that hidden / heads is even")
            return problems
        }
        let student = studentConfiguration(teacher: teacher)
        if let keyHeads = student.keyHeads.first, keyHeads == 0 || !student.heads[0].isMultiple(of: keyHeads) {
            refuse("student.key_heads", "\(keyHeads) does not divide the \(heads) heads", "use a number that does")
        }
        if self.student.initialize == .teacherLayers, problems.isEmpty, !student.canCopyLayers(of: teacher) {
            refuse(
                "student.initialize", "the student's sizes are not the teacher's, whose layers are to be copied",
                "leave hidden, heads, key_heads and feed_forward out, or set student.initialize=random")
        }
        if let beyond = self.student.teacherLayers?.first(where: { $0 > teacher.layers }) {
            refuse(
                "student.teacher_layers", "layer \(beyond) of a teacher with \(teacher.layers) layers",
                "name layers from 1 to \(teacher.layers)")
        }
        let pairs = losses.flatMap { path, loss in (loss.features?.pairs ?? []).map { (path, $0) } }
        for (path, pair) in pairs where pair.teacher > teacher.layers {
            refuse(
                "\(path).features.pairs",
                "the teacher has \(teacher.layers) layers, a pair names layer \(pair.teacher)",
                "name teacher layers from 0 (the embedding) to \(teacher.layers)")
        }
        for gate in evaluate.gates {
            do throws(InputError) {
                let models = Pipeline.evaluatedModels(of: Pipeline.stages(of: self)).map(\.key)
                _ = try Evaluation.Gate(
                    metric: gate.metric, expression: gate.condition, models: models + ["truncated"],
                    metrics: Evaluation.Gate.Metric.of(.languageModel), subject: models.last)
            } catch {
                refuse("evaluate.gates.\(gate.metric)", error.problem, error.remedy ?? "")
            }
        }
        return problems
    }

    /// Refuses named targets that are not for this tokenizer or this loss, or that hold numbers that are none.
    ///
    /// - Parameter first: the first training row.
    func checkPositionTargets(
        _ named: [SoftTargets], _ tokenizer: any Tokenizers.Tokenizer, first: [Int32]
    ) throws {
        for targets in named {
            try check(targets, tokenizer, [first])
            guard teacher.targets.mix == nil else { continue }
            for temperature in temperatures { _ = try targets.likeliest(for: [first], temperature: temperature) }
        }
        if let mix = teacher.targets.mix { _ = try mixture(mix, of: named) }
    }
}
