import Distillation
import Files
import Formats
import Foundation
import Tokenizers

extension ClassificationStages {
    /// Runs the teacher over the training rows and records what the loss will ask for. Parts that an interrupted run left are
    /// used.
    func recordTargets() throws -> StageResult {
        if let mix = recipe.teacher.targets.mix {
            return try context.mixTargets(mix, outcomes: material.classes.count)
        }
        var plan = TargetPlan()
        (plan.hiddenLayers, plan.attentionLayers) = recipe.recorded
        let folder = run.file(ModelFolder.teacher)
        return try context.record(
            plan, of: EncoderTeacher(ModelDirectory.readRunnable(folder)), at: folder,
            over: sequences(material.train).sequences, data: material.digest
        ) { "\(grouped($0.rows)) distinct rows, hidden states of \(plan.hiddenLayers.count) layers" }
    }

    /// What the student learns from: the recorded targets, read ahead, or the teacher itself.
    func teacherTargets() throws -> any TeacherTargets {
        guard recipe.teacher.targets.source == .live else {
            return ReadAheadTargets(
                try SoftTargets(reading: context.targetsPlace, outcomes: material.classes.count))
        }
        let layers = recipe.recorded
        return try LiveTeacher(
            ModelDirectory.readRunnable(run.file(ModelFolder.teacher)), hiddenLayers: Set(layers.hidden),
            attentionLayers: Set(layers.attention))
    }
}
