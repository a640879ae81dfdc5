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
        let teacher = try ModelDirectory.readEncoder(run.file(ModelFolder.teacher))
        var plan = TargetPlan()
        (plan.hiddenLayers, plan.attentionLayers) = recipe.recorded
        plan.states = recipe.teacher.targets.dtype == .float16 ? .float16 : .float32
        let recorder = SoftTargetRecorder(
            teacher: EncoderTeacher(teacher), plan: plan,
            digests: [
                SoftTargetDescription.teacher: try Digest.sha256(
                    fileAt: run.file(ModelFolder.teacher).appendingPathComponent(ModelDirectory.weightsFile)),
                SoftTargetDescription.tokenizer: try tokenizer().digest, SoftTargetDescription.data: material.digest,
            ],
            notes: ["recipe": .string(recipe.name), "program": .string("retort \(Version.current)")])
        let data = try sequences(material.train)
        let recorded = try recorder.record(data.sequences, to: run.file(Pipeline.targetsFolder), others: .replace) {
            done, total, _ in
            try Interruption.check()
            observer.advanced(Pipeline.Stage.label.rawValue, done: done, total: total, unit: "rows")
        }
        return StageResult(
            summary:
                "\(grouped(recorded.rows)) distinct rows, hidden states of \(plan.hiddenLayers.count) layers, "
                + String(format: "%.1f MB", Double(recorded.bytes) / 1e6),
            outputs: recorded.files.map { "\(Pipeline.targetsFolder)/\($0.lastPathComponent)" })
    }

    /// What the student learns from: the recorded targets, read ahead, or the teacher itself.
    func teacherTargets() throws -> any TeacherTargets {
        guard recipe.teacher.targets.source == .live else {
            return ReadAheadTargets(
                try SoftTargets(reading: context.targetsPlace, outcomes: material.classes.count))
        }
        let layers = recipe.recorded
        return try LiveTeacher(
            ModelDirectory.readEncoder(run.file(ModelFolder.teacher)), hiddenLayers: Set(layers.hidden),
            attentionLayers: Set(layers.attention))
    }
}
