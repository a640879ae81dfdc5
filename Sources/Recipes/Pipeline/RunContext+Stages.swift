import Distillation
import Files
import Formats
import Foundation
import Layers
import Models
import Tensors
import Tokenizers

extension Recipe {
    /// How the recipe trains its teacher on the labels; nil where the teacher is taken as it is, or there is none.
    var teacherSchedule: FineTuning? {
        teacher.fineTune
            ?? teacher.train.map {
                FineTuning(
                    epochs: $0.epochs, batch: $0.batch, learningRate: $0.learningRate, warmup: $0.warmup,
                    weightDecay: $0.weightDecay)
            }
    }
}

extension RunContext {
    /// Learns a WordPiece vocabulary from the training texts, or takes over one that is there.
    ///
    /// - Parameter check: refuses a tokenizer that a later stage cannot use.
    func makeTokenizer(
        _ texts: [String], checking check: (any Tokenizers.Tokenizer) throws -> Void = { _ in }
    ) throws -> StageResult {
        let tokenizer = try recipe.makeTokenizer(texts)
        try check(tokenizer)
        try tokenizer.write(to: run.file(ModelFolder.tokenizer))
        return StageResult(
            summary: "\(tokenizer.vocabularySize) word pieces", outputs: [ModelFolder.tokenizer + "/tokenizer.json"])
    }

    /// The tokenizer of the run.
    func tokenizer() throws -> any Tokenizers.Tokenizer {
        try TokenizerFiles.load(from: run.file(ModelFolder.tokenizer))
    }

    /// The key that everything random about a training of the run begins with.
    func key(_ name: String) -> RandomKey { RandomKey(recipe.seed).mixed(name) }

    /// Trains the teacher on the labels, or the texts, alone.
    func trainTeacher(
        _ schedule: Recipe.FineTuning, _ inputs: String, _ parameters: [Parameter], _ objective: any Objective,
        examples: Int, place: @escaping (Int) -> String
    ) throws {
        let steps = TrainingOptions.steps(epochs: schedule.epochs, examples: examples, batch: schedule.batch)
        let options = TrainingOptions(
            totalSteps: steps, batch: schedule.batch, microBatch: schedule.batch,
            learningRate: Float(schedule.learningRate), decay: .linear, warmUp: schedule.warmup, clip: 1,
            weightDecay: Float(schedule.weightDecay), seed: key("teacher").value,
            precision: recipe.trainingPrecision, checkpointing: recipe.train.checkpointing)
        try train(Pipeline.Stage.teacher.rawValue, inputs, parameters, objective, options, place: place)
    }

    /// Runs the teacher over the training rows and records a plan's targets. Parts that an interrupted run left are used.
    ///
    /// - Parameters:
    ///   - place: the teacher's weights, a file or a directory.
    ///   - data: digest of the data.
    ///   - summary: what to say of the recording.
    func record(
        _ plan: TargetPlan, of teacher: any RecordableTeacher, at place: URL, over rows: any TokenRows, data: String,
        summary: (SoftTargetRecorder.Summary) -> String
    ) throws -> StageResult {
        var plan = plan
        plan.states = recipe.teacher.targets.dtype == .float16 ? .float16 : .float32
        let recorder = SoftTargetRecorder(
            teacher: teacher, plan: plan,
            digests: [
                SoftTargetDescription.teacher: try LoadedTeacher.digest(of: place),
                SoftTargetDescription.tokenizer: try tokenizer().digest, SoftTargetDescription.data: data,
            ],
            notes: ["recipe": .string(recipe.name), "program": .string("retort \(Version.current)")])
        let recorded = try recorder.record(rows, to: run.file(Pipeline.targetsFolder), others: .replace) {
            done, total, _ in
            try Interruption.check()
            observer.advanced(Pipeline.Stage.label.rawValue, done: done, total: total, unit: "rows")
        }
        return StageResult(
            summary: summary(recorded) + String(format: ", %.1f MB", Double(recorded.bytes) / 1e6)
                + (recorded.meanTail.map { String(format: ", mean tail %.4f", $0) } ?? ""),
            outputs: recorded.files.map { "\(Pipeline.targetsFolder)/\($0.lastPathComponent)" })
    }
}
