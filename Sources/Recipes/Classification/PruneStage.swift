import Compression
import Distillation
import Files
import Foundation
import Models
import Tensors

extension ClassificationStages {
    static let headsFile = "prune/heads.csv"
    private static let prunerFile = "prune/state.json"

    private static let criteriaFile = "prune/criteria.csv"
    private static let layersFile = "prune/layers.csv"
    private static let neuronsFile = "prune/neurons.csv"

    /// Removes whole layers at once, then heads and neurons in rounds. Each round scores the model as it stands, removes its
    /// share, and recovers by distillation. After each round the model and the pruner's records are saved, and a run goes
    /// on from there. Unused tokens go last: what the rounds train on never meets them.
    func prune(inputs: String) throws -> StageResult {
        let heads = recipe.prune!.heads
        let key = context.key("prune")
        let data = try sequences(material.train)
        let chosen = key.mixed("calibration").permutation(data.count).prefix(heads.calibration)
        let calibration = CalibrationSequences(
            chosen.map { data.sequences[$0] },
            target: heads.against == .labels ? .labels(chosen.map { data.labels[$0] }) : .ownOutputs
        ) { [observer] done in
            try Interruption.check()
            observer.advanced("prune", done: done, total: chosen.count, unit: "calibration texts")
        }

        var (pruner, model) = try startingPoint(inputs: inputs) { student in
            try removeLayers(of: student, calibration, key, inputs: inputs, data: data)
        }
        while !pruner.isFinished {
            try Interruption.check()
            if pruner.roundsDone == 0 { try compareCriteria(model, calibration, key) }
            model = try pruner.prune(model, calibration: calibration, key: key.mixed("scores"))
            let round = pruner.roundsDone
            try recover(
                model, stage: "prune-\(round)", steps: heads.recoverSteps(after: round), inputs: inputs, data: data,
                key: key, seed: key.mixed("recover").mixed(round))
            try save(model, pruner, inputs: inputs)
        }
        try HeadRecord.write(pruner.heads, to: run.file(Self.headsFile))
        try FeedForwardRecord.write(pruner.feedForward, to: run.file("prune/feed_forward.csv"))
        let finished = try withoutUnusedTokens(model)
        try ModelDirectory.write(finished.model, finished.tokenizer, to: run.file(ModelFolder.pruned))
        var result = try result(finished.model, in: ModelFolder.pruned)
        result.summary = "heads per layer \(model.configuration.heads), \(finished.summary)" + result.summary
        result.outputs += [Self.headsFile, Self.criteriaFile, Self.prunerFile]
        if recipe.prune!.layers != nil { result.outputs.append(Self.layersFile) }
        if !pruner.neurons.isEmpty {
            try LayerNeurons.write(pruner.neurons, to: run.file(Self.neuronsFile))
            result.outputs.append(Self.neuronsFile)
        }
        return result
    }

    /// Distils into the pruned model, in a training stage of its own.
    private func recover(
        _ model: Models.Encoder, stage: String, steps: Int, inputs: String, data: LabelledSequences, key: RandomKey,
        seed: RandomKey
    ) throws {
        guard steps > 0 else { return }
        let objective = try DistillationObjective(
            student: model, data: data, targets: try teacherTargets(), weights: recipe.recoveryLoss.weights.forRecovery,
            key: key
        )
        let options = context.trainingOptions(
            steps: steps, learningRate: recipe.train.learningRate * 0.5, seed: seed.value)
        try context.train(stage, inputs, objective.parameters, objective, options, place: material.train.place)
    }

    /// The student without the layers that turn their input least, recovered; `layers.csv` tells which.
    private func removeLayers(
        of student: Models.Encoder, _ calibration: CalibrationSequences, _ key: RandomKey, inputs: String,
        data: LabelledSequences
    ) throws -> Models.Encoder {
        guard let layers = recipe.prune!.layers else { return student }
        let scores = try LayerRedundancy.scores(of: student, on: calibration, key: key.mixed("layers"))
        let removed = try LayerRecord.lowest(student.configuration.layers - layers.keep, in: scores)
        try LayerRecord.write(LayerRecord.records(scores, removed: removed), to: run.file(Self.layersFile))
        let smaller = try student.removing(layers: removed)
        try recover(
            smaller, stage: "prune-layers", steps: recipe.prune!.heads.recoverSteps, inputs: inputs, data: data,
            key: key, seed: key.mixed("recover layers"))
        return smaller
    }

    /// Writes what each criterion that needs no pass per head would remove in all rounds together.
    private func compareCriteria(
        _ model: Models.Encoder, _ calibration: CalibrationSequences, _ key: RandomKey
    ) throws {
        let options = recipe.pruningOptions!
        let total = model.configuration.heads.reduce(0, +)
        let comparison = try CriterionComparison(
            of: model, by: CriterionComparison.quickCriteria(calibration), on: calibration,
            normalize: options.normalize, removing: total - Int((options.keepHeads * Double(total)).rounded()),
            keepingAtLeast: options.minimumHeads, key: key.mixed("criteria"))
        try comparison.write(to: run.file(Self.criteriaFile))
    }

    /// Keeps what a killed run goes on from.
    private func save(_ model: Models.Encoder, _ pruner: StructuredPruner, inputs: String) throws {
        let encoder = JSONEncoder()
        // Sorted, because later stages know this one by the file's digest.
        encoder.outputFormatting = .sortedKeys
        try ModelDirectory.write(model, context.tokenizer(), to: run.file("prune/round-\(pruner.roundsDone)"))
        try AtomicFile.write(
            encoder.encode(PruneProgress(inputs: inputs, pruner: pruner)), to: run.file(Self.prunerFile))
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

    /// The student as `prepare` leaves it, or the model after the last finished round of an interrupted stage.
    private func startingPoint(
        inputs: String, preparing prepare: (Models.Encoder) throws -> Models.Encoder
    ) throws -> (StructuredPruner, Models.Encoder) {
        let url = run.file(Self.prunerFile)
        if FileManager.default.fileExists(atPath: url.path) {
            let progress = try pruneProgress()
            if progress.inputs == inputs {
                guard progress.pruner.options == recipe.pruningOptions else {
                    throw InputError(
                        file: url.path, problem: "was saved with other options than those of the recipe",
                        remedy: "delete it to prune again")
                }
                observer.note("prune: going on after round \(progress.pruner.roundsDone)")
                let folder = run.file("prune/round-\(progress.pruner.roundsDone)")
                let model = try ModelDirectory.readEncoder(folder)
                do {
                    try progress.pruner.check(model)
                } catch var error as InputError {
                    (error.file, error.remedy) = (url.path, "delete it to prune again")
                    throw error
                }
                return (progress.pruner, model)
            }
        }
        let student = try prepare(ModelDirectory.readEncoder(run.file(distilledFolder)))
        let pruner = try StructuredPruner(recipe.pruningOptions!, configuration: student.configuration)
        if recipe.prune!.layers != nil { try save(student, pruner, inputs: inputs) }
        return (pruner, student)
    }
}

/// What an interrupted pruning stage goes on from.
private struct PruneProgress: Codable {
    var inputs: String
    var pruner: StructuredPruner
}
