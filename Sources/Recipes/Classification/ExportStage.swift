import Distillation
import Files
import Foundation

extension ClassificationStages {
    /// The finished model: INT8 where the recipe quantizes, else the newest float student.
    var finalFolder: String {
        recipe.quantize == nil ? floatStudentFolder : ModelFolder.int8
    }

    /// Writes the finished model in each format, and reads it back: it must give what the stage's model gives for the first
    /// validation rows.
    func export() throws -> StageResult {
        let model = try LoadedModel(run.file(finalFolder))
        let validation = sequences(material.validation, by: model.tokenizer)
        let accuracy = try accuracy(of: model.classifier, on: validation)
        return try context.export(
            finalFolder, provedOn: Array(validation.sequences.prefix(256)),
            facts: [
                ("longest input in training", "\(recipe.data.maxLength) tokens"),
                ("training rows", "\(grouped(material.train.count)) of \(recipe.data.train)"),
                (
                    "validation accuracy",
                    "\(String(format: "%.4f", accuracy)) on \(grouped(material.validation.count)) rows"
                ),
            ])
    }
}
