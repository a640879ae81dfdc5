import Distillation
import Evaluation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Tokenizers

/// The stages of a run whose student gives numbers: a regression, or sentence embeddings.
final class ValueStages: TaskStages {
    let context: RunContext
    let material: ValueMaterial

    /// Reads the data.
    ///
    /// - Throws: `InputErrors` with every problem of the recipe's data.
    init(_ context: RunContext) throws {
        self.context = context
        material = try ValueMaterial(context.recipe)
    }

    var run: RunDirectory { context.run }
    var recipe: Recipe { context.recipe }
    var observer: any RunObserver { context.observer }
    var inputs: TaskInputs { material.inputs }

    func carryOut(_ stage: Pipeline.Stage, inputs: String) throws -> StageResult {
        switch stage {
        case .tokenizer: try context.makeTokenizer(material.train.texts)
        case .teacher: try makeTeacher(inputs: inputs)
        case .label: try recordTargets()
        case .baseline, .student: try trainStudent(stage, inputs: inputs)
        case .export: try export()
        case .adapt, .prune, .quantize, .evaluate:
            preconditionFailure("\(stage) is no stage of a run whose answers are numbers")
        }
    }

    func sequences(_ rows: ValueRows) throws -> [[Int32]] {
        try context.tokenizer().encode(rows.texts, maxLength: recipe.data.maxLength)
    }

    private func labels(_ rows: ValueRows) -> [Float]? {
        recipe.task == .regression ? rows.numbers.map { Float($0) } : nil
    }

    /// Takes the ready teacher, or trains one on the numbers.
    private func makeTeacher(inputs: String) throws -> StageResult {
        let tokenizer = try context.tokenizer()
        let key = context.key("teacher")
        let teacher: Encoder
        if let model = recipe.teacher.model {
            teacher = try ModelDirectory.readEncoder(
                Recipe.place(model), allowingMissingHead: recipe.teacher.fineTune.map { _ in [Recipe.valueName] },
                isRegression: true, key: key)
        } else {
            teacher = Encoder(
                recipe.valued(
                    recipe.teacherConfiguration(vocabulary: tokenizer.vocabularySize, classes: [Recipe.valueName])),
                key: key)
        }
        if let schedule = recipe.teacherSchedule {
            let objective = try OutputObjective(
                student: teacher, sequences: sequences(material.train), labels: labels(material.train), targets: nil,
                weights: .labelsOnly, key: key)
            try context.trainTeacher(
                schedule, inputs, objective.parameters, objective, examples: material.train.count,
                place: material.train.rows.place)
        }
        return try write(teacher, to: ModelFolder.teacher)
    }

    /// Runs the teacher over the training rows and records what the loss will ask for.
    private func recordTargets() throws -> StageResult {
        var plan = TargetPlan()
        (plan.kept, plan.isPooled) = (0, true)
        plan.hiddenLayers = recipe.recorded.hidden
        let folder = run.file(ModelFolder.teacher)
        return try context.record(
            plan, of: EncoderTeacher(ModelDirectory.readRunnable(folder)), at: folder,
            over: sequences(material.train), data: material.inputs.data
        ) { "\(grouped($0.rows)) distinct rows" }
    }

    private func teacherTargets() throws -> any TeacherTargets {
        guard recipe.teacher.targets.source == .live else {
            return ReadAheadTargets(try SoftTargets(reading: context.targetsPlace))
        }
        return try LiveTeacher(
            ModelDirectory.readRunnable(run.file(ModelFolder.teacher)), hiddenLayers: Set(recipe.recorded.hidden))
    }

    /// Trains the student: on the numbers alone for the baseline, else by the losses of the recipe, in its stages.
    private func trainStudent(_ stage: Pipeline.Stage, inputs: String) throws -> StageResult {
        let tokenizer = try context.tokenizer()
        let key = context.key("student")
        let (data, held) = (try sequences(material.train), try sequences(material.validation))
        let distils = stage == .student
        let wanted = try recipe.task == .embedding ? teacherOutputs(held) : nil
        let training = StagedTraining<Encoder>(
            context: context, stage: stage, inputs: inputs, examples: data.count,
            read: { try ModelDirectory.readEncoder($0) }, write: { try ModelDirectory.write($0, tokenizer, to: $1) },
            objective: { [self] student, part, key in
                let objective = try OutputObjective(
                    student: student, sequences: data, labels: labels(material.train),
                    targets: distils ? try teacherTargets() : nil,
                    weights: distils ? part.loss.outputWeights(recipe.task) : .labelsOnly, key: key)
                return (objective, objective.parameters)
            },
            measure: { [self] student in
                let outputs = try self.outputs(of: student, held)
                return ValidationValues(loss: loss(of: outputs, wanted: wanted), accuracy: nil)
            },
            place: material.train.rows.place)
        let (student, endings) = try training.train({ try freshStudent(tokenizer, key: key) }, key: key)
        var result = try write(student, to: distils ? ModelFolder.student : ModelFolder.baseline)
        result.summary = ([result.summary] + endings).joined(separator: ", ")
        return result
    }

    /// The mean squared error of a regression; of embeddings, how unlike the teacher's they order the pairs.
    private func loss(of outputs: TextOutputs, wanted: TextOutputs?) -> Double {
        if let wanted { return 1 - outputs.similarity(to: wanted, seed: recipe.seed) }
        let errors = zip(outputs.numbers, material.validation.numbers).map { ($0 - $1) * ($0 - $1) }
        return errors.reduce(0, +) / Double(errors.count)
    }

    /// The teacher's embeddings of some rows; nil where there is no teacher's model.
    private func teacherOutputs(_ rows: [[Int32]]) throws -> TextOutputs? {
        guard recipe.hasTeacher else { return nil }
        return try outputs(of: ModelDirectory.readRunnable(run.file(ModelFolder.teacher)), rows)
    }

    func outputs(of model: Encoder, _ rows: [[Int32]]) throws -> TextOutputs {
        TextOutputs(values: try model.logits(of: rows), width: model.configuration.outputWidth)
    }

    private func freshStudent(_ tokenizer: any Tokenizer, key: RandomKey) throws -> Encoder {
        let folder = run.file(ModelFolder.teacher)
        let source =
            try recipe.student.initialize == .teacherLayers ? ModelDirectory.readEncoder(folder) : nil
        let file = folder.appendingPathComponent(ModelDirectory.configurationFile)
        let base = try source?.configuration ?? (recipe.hasTeacher ? EncoderConfiguration(reading: file) : nil)
        let student = Encoder(
            recipe.valued(
                recipe.studentConfiguration(
                    vocabulary: tokenizer.vocabularySize, classes: [Recipe.valueName], base: base), like: base),
            key: key)
        if let source { student.copyLayers(of: source, chosen: recipe.student.teacherLayers) }
        return student
    }

    /// Writes a model with its tokenizer; how it does on the validation rows is the summary.
    private func write(_ model: Encoder, to folder: String) throws -> StageResult {
        try ModelDirectory.write(model, context.tokenizer(), to: run.file(folder))
        let outputs = try outputs(of: model, sequences(material.validation))
        var summary = "\(grouped(model.parameterCount)) parameters"
        if recipe.task == .regression {
            let correlation = Correlation.pearson(outputs.numbers, material.validation.numbers)
            summary += ", validation Pearson \(String(format: "%.4f", correlation))"
        } else if folder != ModelFolder.teacher, let wanted = try teacherOutputs(sequences(material.validation)) {
            let similarity = outputs.similarity(to: wanted, seed: recipe.seed)
            summary += ", validation similarity \(String(format: "%.4f", similarity))"
        }
        return StageResult(
            summary: summary,
            outputs: [ModelDirectory.weightsFile, ModelDirectory.configurationFile, "tokenizer.json"]
                .map { "\(folder)/\($0)" })
    }
}

extension Recipe {
    /// What the number of a regression is called in `config.json`.
    static let valueName = "value"

    /// The same shape with the head of the task: a regression, or an embedding, pooled as the teacher's.
    func valued(_ configuration: EncoderConfiguration, like teacher: EncoderConfiguration? = nil)
        -> EncoderConfiguration
    {
        var configuration = configuration
        switch task {
        case .regression: configuration.head = .regression
        case .embedding:
            configuration.head = .embedding
            configuration.labels = []
            configuration.pooling = teacher?.pooling ?? .mean
            configuration.normalizesEmbedding = teacher?.normalizesEmbedding ?? true
        case .classification, .languageModel: preconditionFailure("\(task) has no values")
        }
        return configuration
    }
}

extension Recipe.Loss {
    /// The weights of a loss over numbers or embeddings.
    func outputWeights(_ task: Recipe.Task) -> OutputWeights {
        OutputWeights(
            labels: task == .regression ? Float(squaredError) : 0, output: Float(output.weight),
            outputLoss: output.kind == .cosine ? .cosine : .squaredError, matching: weights)
    }
}
