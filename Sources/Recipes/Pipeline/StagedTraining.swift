import Distillation
import Files
import Foundation
import Layers
import Tensors

/// Trains a student, or the baseline beside it, in the stages of a recipe: each from the weights of the one before, with a
/// fresh optimizer. What a finished stage made is kept, and an interrupted run goes on after it.
struct StagedTraining<Model> {
    let context: RunContext
    let stage: Pipeline.Stage
    /// Digest of what the result depends on.
    let inputs: String
    let examples: Int
    let read: (URL) throws -> Model
    let write: (Model, URL) throws -> Void
    /// What is minimized in a part of the training, and what is trained by it. The key draws what begins at random.
    let objective: (Model, Recipe.ResolvedPart, RandomKey) throws -> (any Objective, [Parameter])
    /// Looks at the validation rows.
    let measure: (Model) throws -> ValidationValues
    /// Where an example was written.
    let place: (Int) -> String

    /// - Returns: the trained model, and what to say about where validated stages ended.
    func train(_ fresh: () throws -> Model, key: RandomKey) throws -> (model: Model, endings: [String]) {
        let (run, recipe) = (context.run, context.recipe)
        let parts = stage == .student ? recipe.trainingParts : [recipe.wholeTraining]
        var (model, done): (Model, Int)
        if parts.count > 1, let finished = try progress() {
            done = finished.done
            model = try read(run.file(Self.folder(ofStage: done)))
            context.observer.note("\(stage.rawValue): going on after stage \(done) of \(parts.count)")
        } else {
            (model, done) = (try fresh(), 0)
        }
        var endings: [String] = []
        for (index, part) in parts.enumerated().dropFirst(done) {
            try Interruption.check()
            let number = index + 1
            let own = index == 0 ? key : key.mixed("stage").mixed(number)
            let (objective, parameters) = try objective(model, part, own)
            let steps = TrainingOptions.steps(epochs: part.epochs, examples: examples, batch: recipe.train.batch)
            var options = context.trainingOptions(steps: steps, learningRate: part.learningRate, seed: own.value)
            options.averageDecay = recipe.train.ema.map { Float($0) }
            let validation = context.validation { [model] in try measure(model) }
            let name = parts.count > 1 ? "\(stage.rawValue)-\(number)" : stage.rawValue
            let ending = try context.train(
                name, inputs, parameters, objective, options, validation: validation, place: place)
            if let ending { endings.append(parts.count > 1 ? "stage \(number): \(ending)" : ending) }
            if parts.count > 1 {
                try write(model, run.file(Self.folder(ofStage: number)))
                let progress = StageProgress(inputs: inputs, done: number)
                try AtomicFile.write(JSONEncoder().encode(progress), to: run.file(Self.progressFile))
            }
        }
        return (model, endings)
    }

    private static var progressFile: String { "student/progress.json" }

    private static func folder(ofStage number: Int) -> String { "student/stage-\(number)" }

    /// How far an interrupted training of the same inputs came, if it finished a stage.
    private func progress() throws -> StageProgress? {
        let url = context.run.file(Self.progressFile)
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        let progress: StageProgress
        do {
            progress = try JSONDecoder().decode(StageProgress.self, from: Data(contentsOf: url))
        } catch {
            throw InputError(
                file: url.path, problem: "not the state of a training in stages",
                remedy: "delete it to train the student again")
        }
        return progress.inputs == inputs ? progress : nil
    }
}

/// What an interrupted training in stages goes on from.
private struct StageProgress: Codable {
    var inputs: String
    var done: Int
}
