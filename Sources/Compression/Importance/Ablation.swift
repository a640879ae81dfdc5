import Foundation
import Layers
import Models
import Tensors

/// What the loss does when a unit is really masked, one unit at a time: the honest, slow reference.
///
/// With labels L(masked) − L(whole), which may be negative; without, KL(whole ‖ masked), or half of the squared distance
/// between points. A forward pass for every unit, from its layer on.
enum Ablation {
    /// - Parameters:
    ///   - calibration: in canonical order, checked.
    ///   - neurons: whether the feed-forward neurons are measured too; else their scores are 0.
    static func scores(
        of model: some ScorableModel, on calibration: CalibrationSequences, neurons: Bool, batch: Int
    ) throws -> UnitScores {
        var scores = UnitScores(of: model, statistic: .mean)
        let layers = model.scorableLayers
        let units = layers.reduce(0) { $0 + $1.attentionUnits + (neurons ? $1.neurons : 0) }
        try calibration.forEachBatch(of: batch) { examples in
            let packed = calibration.batch(examples)
            let trace = model.trace(packed, on: Tape(recording: false))
            let whole = Answers(trace, calibration.target, examples)
            var masked = 0
            func changes(_ layer: Int, _ output: Linear, _ columns: Range<Int>) throws -> [Double] {
                try calibration.advanced?(examples.lowerBound + examples.count * masked / units)
                masked += 1
                let start = LayerInput(layer: layer, hidden: trace.hiddenStates[layer])
                return output.masking(columns) {
                    Answers(
                        model.trace(packed, on: Tape(recording: false), from: start), calibration.target, examples
                    ).losses(comparedWith: whole)
                }
            }
            let heads = try layers.enumerated().flatMap { index, layer in
                try (0..<layer.attentionUnits).map { unit in
                    try changes(index, layer.attentionOutput, unit * layer.unitWidth..<(unit + 1) * layer.unitWidth)
                }
            }
            let inner = try layers.enumerated().flatMap { index, layer in
                try (0..<layer.neurons).map { neuron in
                    neurons
                        ? try changes(index, layer.feedForwardOutput, neuron..<neuron + 1)
                        : [Double](repeating: 0, count: examples.count)
                }
            }
            for place in 0..<examples.count {
                scores.heads.append(heads.map { $0[place] })
                scores.neurons.append(inner.map { $0[place] })
            }
        }
        return scores
    }
}

/// A model's outputs for some examples, with what they are to be compared with.
struct Answers {
    private let values: [Float]
    private let width: Int
    private let outputs: ModelTrace.Outputs
    private let rows: [Range<Int>]
    /// Of each row; nil where the model's own outputs are the target.
    private let classes: [Int32]?

    init(of model: some ScorableModel, _ calibration: CalibrationSequences, _ examples: Range<Int>) {
        self.init(model.trace(calibration.batch(examples), on: Tape(recording: false)), calibration.target, examples)
    }

    init(_ trace: ModelTrace, _ target: CalibrationSequences.Target, _ examples: Range<Int>) {
        values = trace.output.value.values
        width = trace.output.value.width
        outputs = trace.outputs
        rows = trace.outputRows
        classes =
            switch target {
            case .labels(let labels): labels[examples].map(Int32.init)
            case .nextTokens: trace.nextTokens
            case .ownOutputs: nil
            }
    }

    /// How much worse each example became.
    func losses(comparedWith whole: Answers) -> [Double] {
        rows.map { rows in
            let counted = rows.filter { (classes?[$0] ?? 0) >= 0 }
            let sum = counted.reduce(0.0) { $0 + loss(of: $1, comparedWith: whole) }
            return sum / Double(max(1, counted.count))
        }
    }

    private func loss(of row: Int, comparedWith whole: Answers) -> Double {
        let columns = row * width..<(row + 1) * width
        guard outputs == .distributions else {
            return zip(values[columns], whole.values[columns]).reduce(0) { sum, pair in
                let difference = Double(pair.0 - pair.1)
                return sum + difference * difference / 2
            }
        }
        let (own, reference) = (logProbabilities(columns), whole.logProbabilities(columns))
        if let classes { return reference[Int(classes[row])] - own[Int(classes[row])] }
        return zip(reference, own).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
    }

    private func logProbabilities(_ columns: Range<Int>) -> [Double] {
        let logits = values[columns].map(Double.init)
        let largest = logits.max() ?? 0
        let sum = log(logits.reduce(0) { $0 + exp($1 - largest) }) + largest
        return logits.map { $0 - sum }
    }
}

extension Linear {
    /// Calls `body` while some of the inputs are masked, and puts their columns back.
    fileprivate func masking<Result>(_ columns: Range<Int>, _ body: () -> Result) -> Result {
        let whole = weight.value
        defer { weight.value = whole }
        var masked = whole
        let width = whole.width
        masked.withUnsafeMutableBufferPointer { values in
            for row in 0..<whole.rows {
                for column in columns { values[row * width + column] = 0 }
            }
        }
        weight.value = masked
        return body()
    }
}
