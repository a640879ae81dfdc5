import Distillation
import Foundation
import Models
import Tensors
import Tokenizers

extension ClassificationStages {
    /// Trains the student: by the labels alone for the baseline, else by the losses of the recipe, in its stages. Both start
    /// from the same weights and see as many batches.
    func trainStudent(_ stage: Pipeline.Stage, inputs: String) throws -> StageResult {
        let tokenizer = try context.tokenizer()
        let key = context.key("student")
        let data = try sequences(material.train)
        let held = try sequences(material.validation)
        let distils = stage == .student
        let training = StagedTraining<Encoder>(
            context: context, stage: stage, inputs: inputs, examples: data.count,
            read: { try ModelDirectory.readEncoder($0) }, write: { try ModelDirectory.write($0, tokenizer, to: $1) },
            objective: { student, part, key in
                let objective = try DistillationObjective(
                    student: student, data: data, targets: distils ? try self.teacherTargets() : nil,
                    weights: distils ? part.loss.weights : .labelsOnly, key: key)
                return (objective, objective.parameters)
            },
            measure: { ValidationValues(logits: try $0.logits(of: held.sequences), labels: held.labels) },
            place: material.train.place)
        let (student, endings) = try training.train({ try freshStudent(tokenizer, key: key) }, key: key)
        let folder = distils ? ModelFolder.student : ModelFolder.baseline
        try ModelDirectory.write(student, tokenizer, to: run.file(folder))
        var result = try result(student, in: folder)
        result.summary = ([result.summary] + endings).joined(separator: ", ")
        return result
    }

    /// The student before its training: drawn at random, or with what the teacher or a checkpoint has learned.
    private func freshStudent(_ tokenizer: any Tokenizers.Tokenizer, key: RandomKey) throws -> Encoder {
        let folder = run.file(ModelFolder.teacher)
        let source: Encoder? =
            switch recipe.student.initialize {
            case .random: nil
            case .teacherLayers: try ModelDirectory.readEncoder(folder)
            case .checkpoint:
                try recipe.readStudentCheckpoint(
                    tokenizer: tokenizer, classes: material.classes, texts: material.train.texts, key: key)
            }
        let file = folder.appendingPathComponent(ModelDirectory.configurationFile)
        let base = try source?.configuration ?? (recipe.hasTeacher ? EncoderConfiguration(reading: file) : nil)
        let student = Encoder(
            recipe.studentConfiguration(
                vocabulary: tokenizer.vocabularySize, classes: material.classes, base: base), key: key)
        if let source { student.copyLayers(of: source, chosen: recipe.student.teacherLayers) }
        return student
    }
}
