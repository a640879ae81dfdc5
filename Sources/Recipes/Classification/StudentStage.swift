import Distillation
import Files
import Foundation
import Models
import Tensors
import Tokenizers

extension ClassificationStages {
    private static let progressFile = "student/progress.json"

    /// Trains the student: by the labels alone for the baseline, else by the losses of the recipe, in its stages. Both start
    /// from the same weights and see as many batches.
    func trainStudent(_ stage: Pipeline.Stage, inputs: String) throws -> StageResult {
        let tokenizer = try tokenizer()
        let key = RandomKey(recipe.seed).mixed("student")
        let data = try sequences(material.train)
        let held = try sequences(material.validation)
        let distils = stage == .student
        let parts = distils ? recipe.trainingParts : [recipe.wholeTraining]
        var (student, done) = (try freshStudent(tokenizer, key: key), 0)
        if parts.count > 1, let progress = try stageProgress(inputs: inputs) {
            done = progress.done
            student = try ModelDirectory.readEncoder(run.file(Self.folder(ofStage: done)))
            observer.note("student: going on after stage \(done) of \(parts.count)")
        }
        var endings: [String] = []
        for (index, part) in parts.enumerated().dropFirst(done) {
            try Interruption.check()
            let number = index + 1
            let name = parts.count > 1 ? "\(stage.rawValue)-\(number)" : stage.rawValue
            let own = index == 0 ? key : key.mixed("stage").mixed(number)
            let objective = try DistillationObjective(
                student: student, data: data, targets: distils ? try teacherTargets() : nil,
                weights: distils ? part.loss.weights : .labelsOnly, key: own)
            let steps = TrainingOptions.steps(epochs: part.epochs, examples: data.count, batch: recipe.train.batch)
            var options = context.trainingOptions(steps: steps, learningRate: part.learningRate, seed: own.value)
            options.averageDecay = recipe.train.ema.map { Float($0) }
            let validation = context.validation { [student] in
                ValidationValues(logits: try student.logits(of: held.sequences), labels: held.labels)
            }
            let ending = try context.train(
                name, inputs, objective.parameters, objective, options, validation: validation,
                place: material.train.place)
            if let ending { endings.append(parts.count > 1 ? "stage \(number): \(ending)" : ending) }
            if parts.count > 1 {
                try ModelDirectory.write(student, tokenizer, to: run.file(Self.folder(ofStage: number)))
                let progress = StageProgress(inputs: inputs, done: number)
                try AtomicFile.write(JSONEncoder().encode(progress), to: run.file(Self.progressFile))
            }
        }
        let folder = distils ? ModelFolder.student : ModelFolder.baseline
        try ModelDirectory.write(student, tokenizer, to: run.file(folder))
        var result = try result(student, in: folder)
        result.summary = ([result.summary] + endings).joined(separator: ", ")
        return result
    }

    /// The student before its training: drawn at random, or with what the teacher or a checkpoint has learned.
    private func freshStudent(_ tokenizer: any Tokenizers.Tokenizer, key: RandomKey) throws -> Encoder {
        let source: Encoder? =
            switch recipe.student.initialize {
            case .random: nil
            case .teacherLayers: try ModelDirectory.readEncoder(run.file(ModelFolder.teacher))
            case .checkpoint:
                try recipe.readStudentCheckpoint(
                    tokenizer: tokenizer, classes: material.classes, texts: material.train.texts, key: key)
            }
        let configuration = recipe.studentConfiguration(
            vocabulary: tokenizer.vocabularySize, classes: material.classes, source: source?.configuration)
        let student = Encoder(configuration, key: key)
        if let source { student.copyLayers(of: source, chosen: recipe.student.teacherLayers) }
        return student
    }

    private static func folder(ofStage number: Int) -> String { "student/stage-\(number)" }

    /// How far an interrupted training of the same inputs came, if it finished a stage.
    private func stageProgress(inputs: String) throws -> StageProgress? {
        let url = run.file(Self.progressFile)
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        let progress: StageProgress
        do {
            progress = try JSONDecoder().decode(StageProgress.self, from: Data(contentsOf: url))
        } catch {
            throw InputError(
                file: url.path, problem: "not the state of a training in stages",
                remedy: "delete it to train the student again")
        }
        return progress.inputs == inputs ? progress : nil
    }
}

/// What an interrupted training in stages goes on from.
private struct StageProgress: Codable {
    var inputs: String
    var done: Int
}
