import Distillation
import Files
import Foundation
import Tokenizers

extension Pipeline {
    static let targetsFile = "targets/train.h5"

    /// Runs the teacher over the training rows and records what the loss will ask for.
    func recordTargets() throws -> StageResult {
        let teacher = try ModelDirectory.readEncoder(run.file(ModelFolder.teacher))
        let tokenizer = try tokenizer()
        let layers = Set((recipe.loss.features?.pairs ?? []).map(\.teacher)).sorted()
        let recorder = SoftTargetRecorder(
            teacher: teacher, layers: layers, precision: recipe.teacher.targets.dtype == .float16 ? .float16 : .float32,
            attributes: [
                "teacher_sha256": try Digest.sha256(
                    fileAt: run.file(ModelFolder.teacher).appendingPathComponent(ModelDirectory.weightsFile)),
                "tokenizer_sha256": tokenizer.digest, "data_sha256": material.digest,
                "recipe": recipe.name,
            ])
        let data = try sequences(material.train)
        let rows = try recorder.record(data.sequences, to: run.file(Self.targetsFile)) { done, total in
            try Interruption.check()
            observer.advanced(Stage.label.rawValue, done: done, total: total, unit: "rows")
        }
        let bytes =
            try FileManager.default.attributesOfItem(atPath: run.file(Self.targetsFile).path)[.size] as? Int ?? 0
        return StageResult(
            summary: "\(Self.grouped(rows)) distinct rows, hidden states of \(layers.count) layers, "
                + String(format: "%.1f MB", Double(bytes) / 1e6),
            outputs: [Self.targetsFile])
    }

    /// The recorded targets.
    func targets() throws -> SoftTargets {
        try SoftTargets(reading: run.file(Self.targetsFile), classes: material.classes.count)
    }
}
