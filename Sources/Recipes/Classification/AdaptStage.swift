import Distillation
import Files
import Foundation
import Layers
import Models
import Tensors

extension ClassificationStages {
    /// The distilled student, fine-tuned where the recipe asks for it.
    var distilledFolder: String { recipe.adapt == nil ? ModelFolder.student : ModelFolder.adapted }

    /// Fine-tunes the distilled student on other rows by their labels, and holds it to what it was.
    func adapt(inputs: String) throws -> StageResult {
        let settings = recipe.adapt!
        let rows = material.adapt!
        let key = context.key("adapt")
        let student = try ModelDirectory.readEncoder(run.file(ModelFolder.student))
        let data = try sequences(rows.train)
        let before = try accuracies(of: student)
        let steps = TrainingOptions.steps(epochs: settings.epochs, examples: data.count, batch: recipe.train.batch)
        var options = context.trainingOptions(steps: steps, learningRate: settings.learningRate, seed: key.value)
        let objective: any Objective
        let hold = settings.hold
        switch hold.kind {
        case .kl where hold.weight > 0:
            let frozen = try ModelDirectory.readRunnable(run.file(ModelFolder.student))
            objective = try DistillationObjective(
                student: student, data: data, targets: LiveTeacher(frozen, hiddenLayers: []),
                weights: LossWeights(
                    crossEntropy: 1, kl: Float(hold.weight), temperature: hold.temperature, temperatureSquared: true,
                    features: 0, featurePairs: []), key: key)
        case .l2sp where hold.weight > 0:
            let head = Set(student.headParameters.map(\.name))
            let plain = try DistillationObjective(
                student: student, data: data, targets: nil, weights: .labelsOnly, key: key)
            objective = AnchoredObjective(
                plain, holding: student.parameters.filter { !head.contains($0.name) }, weight: Float(hold.weight))
            options.weightDecay = 0
        default:
            objective = try DistillationObjective(
                student: student, data: data, targets: nil, weights: .labelsOnly, key: key)
        }
        try context.train(
            Pipeline.Stage.adapt.rawValue, inputs, student.parameters, objective, options, place: rows.train.place)
        try ModelDirectory.write(student, context.tokenizer(), to: run.file(ModelFolder.adapted))
        var result = try result(student, in: ModelFolder.adapted)
        let after = try accuracies(of: student)
        result.summary = zip(before, after).map { before, after in
            "accuracy on \(before.name) \(String(format: "%.4f, was %.4f", after.value, before.value))"
        }.joined(separator: "; ")
        return result
    }

    /// On the validation rows, and on those of the other domain where there are any.
    private func accuracies(of model: Encoder) throws -> [(name: String, value: Double)] {
        try ([material.validation] + [material.adapt?.validation].compactMap { $0 }).map { rows in
            (rows.file, try accuracy(of: model, on: sequences(rows)))
        }
    }
}
