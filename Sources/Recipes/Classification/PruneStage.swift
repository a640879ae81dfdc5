import Compression
import Distillation
import Files
import Foundation
import Models
import Tensors

extension ClassificationStages {
    static let headsFile = "prune/heads.csv"
    private static let prunerFile = "prune/state.json"

    /// Removes heads and neurons in rounds. Each round scores the model as it stands, removes its share, and recovers
    /// by distillation. After each round the model and the pruner's records are saved, and a run goes on from there.
    func prune(inputs: String) throws -> StageResult {
        let heads = recipe.prune!.heads
        let key = context.key("prune")
        let data = try sequences(material.train)
        let chosen = key.mixed("calibration").permutation(data.count).prefix(heads.calibration)
        let calibration = LabelledSequences(
            sequences: chosen.map { data.sequences[$0] }, labels: chosen.map { data.labels[$0] })

        var (pruner, model) = try startingPoint(inputs: inputs)
        let encoder = JSONEncoder()
        // Sorted, because later stages know this one by the file's digest.
        encoder.outputFormatting = .sortedKeys
        while !pruner.isFinished {
            try Interruption.check()
            model = try pruner.prune(model, calibration: calibration, key: key.mixed("scores"))
            let round = pruner.roundsDone
            let name = "prune-\(round)"
            if heads.recoverSteps > 0 {
                let objective = try DistillationObjective(
                    student: model, data: data, targets: try teacherTargets(), weights: recipe.lossWeights.forRecovery,
                    key: key)
                let options = context.trainingOptions(
                    steps: heads.recoverSteps, learningRate: recipe.train.learningRate * 0.5,
                    seed: key.mixed("recover").mixed(round).value)
                try context.train(
                    name, inputs, objective.parameters, objective, options,
                    place: material.train.place)
            }
            try ModelDirectory.write(model, context.tokenizer(), to: run.file("prune/round-\(round)"))
            try AtomicFile.write(
                encoder.encode(PruneProgress(inputs: inputs, pruner: pruner)), to: run.file(Self.prunerFile))
        }
        try HeadRecord.write(pruner.heads, to: run.file(Self.headsFile))
        try FeedForwardRecord.write(pruner.feedForward, to: run.file("prune/feed_forward.csv"))
        try ModelDirectory.write(model, context.tokenizer(), to: run.file(ModelFolder.pruned))
        var result = try result(model, in: ModelFolder.pruned)
        result.summary = "heads per layer \(model.configuration.heads), " + result.summary
        result.outputs += [Self.headsFile, Self.prunerFile]
        return result
    }

    /// The records of the finished stage, for the report.
    func prunedHeads() throws -> [HeadRecord] {
        try pruneProgress().pruner.heads
    }

    private func pruneProgress() throws -> PruneProgress {
        let url = run.file(Self.prunerFile)
        do {
            return try JSONDecoder().decode(PruneProgress.self, from: Data(contentsOf: url))
        } catch {
            throw InputError(
                file: url.path, problem: "not the state of a pruning stage", remedy: "delete it to prune again")
        }
    }

    /// The unpruned student, or the model after the last finished round of an interrupted stage.
    private func startingPoint(inputs: String) throws -> (StructuredPruner, Encoder) {
        let url = run.file(Self.prunerFile)
        if FileManager.default.fileExists(atPath: url.path) {
            let progress = try pruneProgress()
            if progress.inputs == inputs {
                observer.note("prune: going on after round \(progress.pruner.roundsDone)")
                let folder = run.file("prune/round-\(progress.pruner.roundsDone)")
                return (progress.pruner, try ModelDirectory.readEncoder(folder))
            }
        }
        let student = try ModelDirectory.readEncoder(run.file(distilledFolder))
        let pruner = try StructuredPruner(recipe.pruningOptions!, configuration: student.configuration)
        return (pruner, student)
    }
}

/// What an interrupted pruning stage goes on from.
private struct PruneProgress: Codable {
    var inputs: String
    var pruner: StructuredPruner
}
