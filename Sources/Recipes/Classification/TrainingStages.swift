import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors
import Tokenizers

extension ClassificationStages {
    /// A split as token sequences with class numbers.
    func sequences(_ rows: ClassificationRows) throws -> LabelledSequences {
        sequences(rows, by: try context.tokenizer())
    }

    func sequences(_ rows: ClassificationRows, by tokenizer: any Tokenizers.Tokenizer) -> LabelledSequences {
        LabelledSequences(
            sequences: tokenizer.encode(rows.texts, maxLength: recipe.data.maxLength),
            labels: material.classIndices(rows))
    }

    /// Takes the ready teacher, fine-tunes a published one, or trains one from the beginning.
    func makeTeacher(inputs: String) throws -> StageResult {
        let tokenizer = try context.tokenizer()
        let key = context.key("teacher")
        let teacher: Encoder
        if let model = recipe.teacher.model {
            let fresh = recipe.teacher.fineTune.map { _ in material.classes }
            teacher = try ModelDirectory.readEncoder(Recipe.place(model), allowingMissingHead: fresh, key: key)
            teacher.rename(classes: material.classes)
        } else {
            teacher = Encoder(
                recipe.teacherConfiguration(vocabulary: tokenizer.vocabularySize, classes: material.classes), key: key)
        }
        if let schedule = recipe.teacherSchedule {
            let data = try sequences(material.train)
            let objective = try DistillationObjective(
                student: teacher, data: data, targets: nil, weights: .labelsOnly, key: key)
            try context.trainTeacher(
                schedule, inputs, objective.parameters, objective, examples: data.count, place: material.train.place)
        }
        try ModelDirectory.write(teacher, tokenizer, to: run.file(ModelFolder.teacher))
        return try result(teacher, in: ModelFolder.teacher)
    }

    /// Validation accuracy as the summary, and the model's files as the outputs.
    func result(_ model: any Classifier, in folder: String) throws -> StageResult {
        let accuracy = try accuracy(of: model, on: sequences(material.validation, by: tokenizer(of: folder)))
        return StageResult(
            summary: "\(grouped(model.parameterCount)) parameters, validation accuracy "
                + String(format: "%.4f", accuracy),
            outputs: [ModelDirectory.weightsFile, ModelDirectory.configurationFile, "tokenizer.json", "vocab.txt"]
                .map { "\(folder)/\($0)" }, metrics: [("final_validation_accuracy", accuracy)])
    }

    func accuracy(of model: any Classifier, on data: LabelledSequences) throws -> Double {
        let logits = try model.logits(of: data.sequences)
        let width = model.configuration.labels.count
        let right = data.labels.enumerated().count { row, label in
            let values = logits[row * width..<(row + 1) * width]
            return values.firstIndex(of: values.max()!)! - row * width == label
        }
        return Double(right) / Double(data.count)
    }
}
