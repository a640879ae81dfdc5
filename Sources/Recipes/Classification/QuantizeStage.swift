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

    /// Calibrates the activations' ranges, finds what stays float, trains on with rounding in place, and stores the
    /// integers.
    func quantize(inputs: String) throws -> StageResult {
        let settings = recipe.quantize!
        let key = context.key("quantize")
        let model = try ModelDirectory.readEncoder(run.file(floatStudentFolder))
        let tokenizer = try tokenizer(of: floatStudentFolder)
        let data = sequences(material.train, by: tokenizer)
        let rows = key.mixed("calibration").permutation(data.count)
        var scheme = try scheme(
            settings, of: model, on: rows.prefix(settings.calibration.rows).map { data.sequences[$0] })
        let kept = try QuantizationGroup.named(settings.keepFloat, of: model.configuration)
        var outputs: [String] = []
        var unmet = ""
        if let sensitivity = settings.sensitivity {
            // The training rows, which set the ranges, would flatter them.
            let held = sequences(material.validation, by: tokenizer).sequences
            let judged = key.mixed("sensitivity").permutation(held.count).prefix(sensitivity.rows)
            let found = try QuantizationSensitivity(
                of: model, scheme, kept: kept,
                gate: .init(
                    divergence: sensitivity.kl, agreement: sensitivity.agreement, most: sensitivity.most),
                on: judged.map { held[$0] })
            try AtomicFile.write(found.csv, to: run.file(Self.sensitivityFile))
            outputs.append(Self.sensitivityFile)
            scheme = found.scheme
            if !found.holds {
                unmet = String(
                    format: "mean KL %.2e, agreement %.4f, and kl: %g, agreement: %g are asked for",
                    found.whole.divergence, found.whole.agreement, sensitivity.kl, sensitivity.agreement)
                context.observer.note(
                    "quantize.sensitivity: does not hold with all parts in float that may be (most: \(sensitivity.most)): \(unmet)"
                        + (settings.method.trains ? "; training goes on from there" : ""))
            }
        } else {
            scheme = scheme.keeping(kept)
        }
        if settings.method.trains {
            let steps = settings.method == .lsq ? LearnedSteps(attachingTo: model, scheme) : nil
            if steps == nil { QuantizationSimulation.attach(to: model, scheme) }
            let objective = try DistillationObjective(
                student: model, data: data, targets: try teacherTargets(for: tokenizer),
                weights: recipe.recoveryLoss.weights.forRecovery, key: key)
            var options = context.trainingOptions(
                steps: settings.steps, learningRate: settings.learningRate, seed: key.value)
            // The rounded weights and activations are exact in float32, as in the integers that they stand for.
            options.precision = .float32
            try context.train(
                Pipeline.Stage.quantize.rawValue, inputs, objective.parameters + (steps?.parameters ?? []), objective,
                options, place: material.train.place)
            QuantizationSimulation.detach(from: model)
            if let steps { scheme = steps.learned }
        }
        let quantized = try QuantizedEncoder(model, scheme)
        let folder = run.file(ModelFolder.int8)
        try tokenizer.write(to: folder)
        try quantized.write(to: folder)
        var result = try result(IntegerRuntime(quantized), in: ModelFolder.int8)
        result.outputs += outputs
        if !quantized.keptFloat.isEmpty {
            result.summary += "; in float: " + scheme.keptGroups(of: model.configuration).joined(separator: ", ")
        }
        if !unmet.isEmpty {
            result.summary += "; sensitivity does not hold\(settings.method.trains ? " before training" : ""): \(unmet)"
        }
        return result
    }

    /// Each part's KL when it is quantized alone.
    static let sensitivityFile = "quantize/sensitivity.csv"

    /// How the model's inputs and weights are rounded; folds what smoothing moves into the weights.
    private func scheme(
        _ settings: Recipe.Quantize, of model: Encoder, on rows: [[Int32]]
    ) throws -> QuantizationScheme {
        let factors =
            settings.smoothing > 0 ? try Smoothing.apply(to: model, alpha: Float(settings.smoothing), on: rows) : [:]
        let method: ActivationCalibration.Method =
            switch settings.calibration.method {
            case .minMax: .minMax
            case .movingAverage: .movingAverage()
            case .percentile: .percentile(settings.calibration.percentile)
            case .entropy: .entropy
            case .mse: .squaredError
            }
        // Ranges are found in either case: that is what refuses weights that have diverged.
        let ranges = try ActivationCalibration(method: method).ranges(of: model, on: rows, factors: factors)
        var scheme =
            try settings.activations == .int8Dynamic ? .perToken : QuantizationScheme(ranges, of: model)
        scheme.inputFactors = factors
        scheme.weightBits = settings.reduceRange ? 7 : 8
        return scheme
    }
}
