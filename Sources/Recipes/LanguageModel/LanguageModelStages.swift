import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Tokenizers

/// The stages of a language model's run.
final class LanguageModelStages: TaskStages {
    let context: RunContext
    let corpus: Corpus

    /// Looks for the data.
    ///
    /// - Throws: `InputErrors` with every file that is not there.
    init(_ context: RunContext) throws {
        self.context = context
        corpus = try Corpus(context.recipe)
    }

    var run: RunDirectory { context.run }
    var recipe: Recipe { context.recipe }
    var observer: any RunObserver { context.observer }
    var inputs: TaskInputs { corpus.inputs }

    func carryOut(_ stage: Pipeline.Stage, inputs: String) throws -> StageResult {
        switch stage {
        case .tokenizer: try makeTokens()
        case .teacher: try makeTeacher(inputs: inputs)
        case .label: try recordTargets()
        case .baseline, .student: try trainStudent(stage, inputs: inputs)
        case .export: try export()
        case .adapt, .prune, .quantize, .evaluate: preconditionFailure("\(stage) is no stage of a language model's run")
        }
    }

    /// Takes over the teacher's tokenizer and writes the tokens of all splits.
    private func makeTokens() throws -> StageResult {
        let teacher = Recipe.place(recipe.teacher.model!)
        let tokenizer = try DecoderDirectory.readTokenizer(DecoderDirectory.place(of: teacher))
        try tokenizer.write(to: run.file(ModelFolder.tokenizer))
        let reader = CorpusTokenizer(tokenizer: tokenizer, end: try recipe.endToken(of: teacherConfiguration()))
        var skipped: [InputError] = []
        var counts: [String] = []
        for split in corpus.splits {
            guard case .texts(let address) = split.source else {
                let rows = try rows(split.name)
                counts.append("\(split.name) \(grouped(rows.tokenCount)) in \(grouped(rows.count)) rows")
                continue
            }
            var extent = CorpusExtent()
            try TokenFileWriter.write(to: run.file(split.tokensFile)) { file in
                extent = try reader.forEachPiece(of: address, recipe.data) { records in
                    try Interruption.check()
                    observer.advanced(
                        Pipeline.Stage.tokenizer.rawValue, done: records, total: max(records, recipe.data.limit ?? 0),
                        unit: "records of \(split.name)")
                } _: {
                    try file.append($0)
                }
            }
            skipped += extent.skipped
            counts.append("\(split.name) \(grouped(extent.tokens))")
        }
        if !skipped.isEmpty {
            observer.note("\(skipped.count) bad rows left out, listed in skipped.txt")
            try AtomicFile.write("\(InputErrors(skipped))\n", to: run.file("skipped.txt"))
        }
        return StageResult(
            summary: "tokens: " + counts.joined(separator: ", "),
            outputs: [ModelFolder.tokenizer + "/tokenizer.json"]
                + corpus.splits.compactMap { if case .texts = $0.source { $0.tokensFile } else { nil } })
    }

    /// The rows of a split.
    func rows(_ split: String) throws -> any TokenRows {
        switch corpus[split].source {
        case .texts: try TokenFile(reading: run.file(corpus[split].tokensFile), window: recipe.data.maxLength)
        case .recording(let url):
            try SoftTargets(reading: url).tokenRows(
                from: 2, to: recipe.data.maxLength, limit: recipe.data.limit)
        }
    }

    private func place(ofWindow window: Int) -> String {
        "window \(window) of \(corpus["train"].tokensFile)"
    }

    /// Where the teacher's weights are: those that the recipe names, or those that were trained on.
    var teacherPlace: URL {
        recipe.teacher.fineTune == nil
            ? DecoderDirectory.place(of: Recipe.place(recipe.teacher.model!)) : run.file(ModelFolder.teacher)
    }

    func teacherConfiguration() throws -> DecoderConfiguration {
        try DecoderDirectory.readConfiguration(
            DecoderDirectory.place(of: Recipe.place(recipe.teacher.model!)))
    }

    /// Trains a published teacher on the texts first; one that is taken as it is stays where it is.
    private func makeTeacher(inputs: String) throws -> StageResult {
        let published = DecoderDirectory.place(of: Recipe.place(recipe.teacher.model!))
        guard let tuning = recipe.teacher.fineTune else {
            // Later stages depend on this file, and through it on the teacher, which stays where it is.
            let source = TeacherSource(path: published.path, sha256: corpus.inputs.teacher)
            try AtomicFile.write(JSONEncoder().encode(source), to: run.file(TeacherSource.file))
            return StageResult(
                summary: "\(grouped(try teacherConfiguration().parameterCount)) parameters, as it is",
                outputs: [TeacherSource.file])
        }
        let (teacher, data) = (try DecoderDirectory.read(published), try rows("train"))
        let objective = try LanguageModelObjective(
            student: teacher, rows: data, targets: nil, weights: .labelsOnly, key: context.key("teacher"))
        try context.trainTeacher(
            tuning, inputs, objective.parameters, objective, examples: data.count, place: place(ofWindow:))
        return try write(teacher, to: ModelFolder.teacher)
    }

    /// Runs the teacher over the training rows and records what the loss will ask for.
    private func recordTargets() throws -> StageResult {
        if let mix = recipe.teacher.targets.mix { return try context.mixTargets(mix, outcomes: outcomes()) }
        var plan = TargetPlan()
        plan.kept = recipe.teacher.targets.keep
        plan.temperatures = recipe.temperatures
        plan.hiddenLayers = recipe.recorded.hidden
        if !recipe.usesPredictions { plan.kept = 0 }
        return try context.record(
            plan, of: DecoderTeacher(DecoderDirectory.read(teacherPlace)), at: teacherPlace, over: rows("train"),
            data: corpus.inputs.data
        ) { "\(grouped($0.positions)) positions" }
    }

    /// What the student learns from: the recorded targets, read ahead, or the teacher itself.
    private func teacherTargets(_ loss: Recipe.Loss) throws -> any TeacherTargets {
        guard recipe.teacher.targets.source == .live else {
            return ReadAheadTargets(
                try SoftTargets(reading: context.targetsPlace, outcomes: recipe.usesPredictions ? outcomes() : nil))
        }
        return try LiveDecoderTeacher(
            DecoderDirectory.read(teacherPlace), hiddenLayers: Set(recipe.recorded.hidden),
            kept: recipe.teacher.targets.keep, temperature: loss.kl.temperature)
    }

    private func outcomes() throws -> Int { try teacherConfiguration().vocabularySize }

    /// The student before its first step.
    func freshStudent() throws -> Decoder {
        let teacher = try teacherConfiguration()
        let student = Decoder(
            recipe.studentConfiguration(teacher: teacher), key: context.key("student"))
        if recipe.student.initialize == .teacherLayers {
            student.copyLayers(
                of: try DecoderDirectory.read(teacherPlace), chosen: recipe.student.teacherLayers)
        }
        return student
    }

    /// Trains the student: on the texts alone for the baseline, else by the losses of the recipe, in its stages. Both start
    /// from the same weights and see as many batches.
    private func trainStudent(_ stage: Pipeline.Stage, inputs: String) throws -> StageResult {
        let key = context.key("student")
        let (data, held) = (try rows("train"), try rows("validation"))
        let distils = stage == .student
        let training = StagedTraining<Decoder>(
            context: context, stage: stage, inputs: inputs, examples: data.count,
            read: { try DecoderDirectory.read($0) }, write: { try DecoderDirectory.write($0, to: $1) },
            objective: { student, part, key in
                let objective = try LanguageModelObjective(
                    student: student, rows: data, targets: distils ? try self.teacherTargets(part.loss) : nil,
                    weights: distils ? part.loss.weights : .labelsOnly, key: key)
                return (objective, objective.parameters)
            },
            measure: { student in
                // The training stage ends between steps alone: what leaves a step half done would be saved half done, or not.
                let scores = try LanguageModelScores(of: student, on: held) { _, _ in }
                return ValidationValues(
                    loss: scores.meanLoss,
                    accuracy: Double(scores.hits.reduce(0, +)) / Double(scores.positions))
            },
            place: place(ofWindow:))
        let (student, endings) = try training.train(freshStudent, key: key)
        var result = try write(student, to: distils ? ModelFolder.student : ModelFolder.baseline)
        result.summary = ([result.summary] + endings).joined(separator: ", ")
        return result
    }

    /// Writes a model with its tokenizer; its perplexity on the validation texts is the summary.
    private func write(_ model: Decoder, to folder: String) throws -> StageResult {
        try DecoderDirectory.write(model, to: run.file(folder))
        try context.tokenizer().write(to: run.file(folder))
        let scores = try LanguageModelScores(of: model, on: rows("validation")) { _, _ in
            try Interruption.check()
        }
        return StageResult(
            summary: "\(grouped(model.configuration.parameterCount)) parameters, validation perplexity "
                + String(format: "%.2f", exp(scores.meanLoss)),
            outputs: [ModelDirectory.weightsFile, ModelDirectory.configurationFile, "tokenizer.json"]
                .map { "\(folder)/\($0)" }, metrics: [("final_validation_perplexity", exp(scores.meanLoss))])
    }
}

/// Which teacher a run took as it is.
private struct TeacherSource: Encodable {
    static let file = "models/teacher.json"

    var path: String
    /// Of its files.
    var sha256: String
}

extension Recipe {
    /// The token that ends a text, if the teacher has one.
    ///
    /// - Throws: `InputError` where it is not of the vocabulary.
    func endToken(of teacher: DecoderConfiguration) throws -> Int32? {
        guard let token = teacher.endTokens.first else { return nil }
        guard (0..<Int32(teacher.vocabularySize)).contains(token) else {
            throw places.error(
                at: "teacher.model",
                problem: "its eos_token_id \(token) is outside of its vocabulary of \(teacher.vocabularySize)",
                remedy: "correct it in config.json or generation_config.json")
        }
        return token
    }

    /// The shape of a language model's student: the teacher's, but for the sizes that the recipe gives.
    func studentConfiguration(teacher: DecoderConfiguration) -> DecoderConfiguration {
        var configuration = teacher.keeping(layers: student.layers)
        configuration.dropout = Float(student.dropout)
        let heads = student.heads ?? teacher.heads[0]
        let sharing = max(1, teacher.heads[0] / max(1, teacher.keyHeads[0]))
        let keyHeads = student.keyHeads ?? (heads.isMultiple(of: sharing) ? heads / sharing : heads)
        if let hidden = student.hidden, hidden != teacher.hiddenSize || heads != teacher.heads[0] {
            configuration.hiddenSize = hidden
            configuration.headSize = hidden / heads
            // Factors are for the teacher's pairs.
            configuration.rotary?.scaling = (try? teacher.rotary?.publishedScaling(headSize: teacher.headSize)) ?? nil
        }
        configuration.heads = Array(repeating: heads, count: student.layers)
        configuration.keyHeads = Array(repeating: keyHeads, count: student.layers)
        configuration.feedForward = Array(
            repeating: student.feedForward ?? teacher.feedForward[0], count: student.layers)
        return configuration
    }
}
