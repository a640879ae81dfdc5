import Distillation

/// The stages of a classifier's run.
final class ClassificationStages: TaskStages {
    let context: RunContext
    let material: Material

    /// Reads the data.
    ///
    /// - Throws: `InputErrors` with every problem of the recipe's data.
    init(_ context: RunContext) throws {
        self.context = context
        material = try Material(context.recipe)
    }

    var run: RunDirectory { context.run }
    var recipe: Recipe { context.recipe }
    var observer: any RunObserver { context.observer }

    var inputs: TaskInputs {
        TaskInputs(
            data: material.digest, teacher: material.teacherDigest, checkpoint: material.checkpointDigest,
            targets: material.targetsDigest, adapt: material.adaptDigest,
            skipped: ([material.train, material.validation, material.test] + material.adaptRows)
                .map { ($0.file, $0.skipped) })
    }

    func carryOut(_ stage: Pipeline.Stage, inputs: String) throws -> StageResult {
        switch stage {
        case .tokenizer:
            try context.makeTokenizer(material.train.texts) {
                // What cannot be pruned is refused before anything is trained.
                _ = try recipe.prunedVocabulary($0, for: [])
            }
        case .teacher: try makeTeacher(inputs: inputs)
        case .label: try recordTargets()
        case .baseline, .student: try trainStudent(stage, inputs: inputs)
        case .adapt: try adapt(inputs: inputs)
        case .prune: try prune(inputs: inputs)
        case .quantize: try quantize(inputs: inputs)
        case .export: try export()
        case .evaluate: preconditionFailure("the evaluation gives a report too: see evaluate(stages:)")
        }
    }
}
