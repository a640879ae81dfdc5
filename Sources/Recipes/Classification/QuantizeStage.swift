import Compression
import Distillation
import Files
import Foundation
import Models
import Tensors
import Tokenizers

extension ClassificationStages {
    /// The newest float student: pruned where the recipe prunes.
    var floatStudentFolder: String {
        recipe.prune == nil ? distilledFolder : ModelFolder.pruned
    }

    /// Calibrates the activations' ranges, trains on with rounding in place, and stores the integers.
    func quantize(inputs: String) throws -> StageResult {
        let settings = recipe.quantize!
        let key = context.key("quantize")
        let model = try ModelDirectory.readEncoder(run.file(floatStudentFolder))
        let data = try sequences(material.train)
        let rows = key.mixed("calibration").permutation(data.count).prefix(settings.calibration.rows)
        let method: ActivationCalibration.Method =
            switch settings.calibration.method {
            case .minMax: .minMax
            case .movingAverage: .movingAverage()
            case .percentile: .percentile(settings.calibration.percentile)
            }
        let ranges = try ActivationCalibration(method: method).ranges(of: model, on: rows.map { data.sequences[$0] })
        if settings.method == .qat {
            try QuantizationSimulation.attach(to: model, ranges: ranges)
            let objective = try DistillationObjective(
                student: model, data: data, targets: try teacherTargets(), weights: recipe.lossWeights.forRecovery,
                key: key)
            var options = context.trainingOptions(
                steps: settings.steps, learningRate: settings.learningRate, seed: key.value)
            // The rounded weights and activations are exact in float32, as in the integers that they stand for.
            options.precision = .float32
            try context.train(
                Pipeline.Stage.quantize.rawValue, inputs, objective.parameters, objective, options,
                place: material.train.place)
            QuantizationSimulation.detach(from: model)
        }
        let quantized = try QuantizedEncoder(model, ranges: ranges)
        let folder = run.file(ModelFolder.int8)
        try quantized.write(to: folder)
        try context.tokenizer().write(to: folder)
        return try result(IntegerRuntime(quantized), in: ModelFolder.int8)
    }
}
