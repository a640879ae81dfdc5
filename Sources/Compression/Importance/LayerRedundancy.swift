import Files
import Models
public import Tensors

/// How much each whole layer changes what passes through it: 1 − mean cos(h_in, h_out) (Block Influence, Men et al. 2024,
/// arXiv 2403.03853), the mean over the tokens of a text, then over the texts.
///
/// A layer that hardly turns its input can go. Needs neither labels nor gradients.
public enum LayerRedundancy {
    /// One score per layer, each as the only unit of its layer.
    ///
    /// - Throws: `InputError` if the model cannot read the examples, or a score is not a finite number.
    public static func scores(
        of model: some ScorableModel, on calibration: CalibrationSequences, key: RandomKey, batch: Int? = nil
    ) throws -> ImportanceScores {
        try model.check(calibration)
        let ordered = calibration.inCanonicalOrder
        let batch = batch ?? model.examplesPerPass(ordered)
        var scores = ExampleScores(unitsPerLayer: model.scorableLayers.map { _ in 1 })
        try ordered.forEachBatch(of: batch) { examples in
            let packed = ordered.batch(examples)
            let states = model.trace(packed, on: Tape(recording: false)).hiddenStates.map(\.value)
            for sequence in 0..<packed.offsets.count {
                let rows = packed.offsets[sequence]
                scores.append(zip(states, states.dropFirst()).map { change(from: $0, to: $1, rows) })
            }
        }
        guard scores.isFinite else {
            throw InputError(
                problem: "the hidden states of some layers are not finite numbers",
                remedy: "look at the model's weights and its loss: training has probably diverged")
        }
        return scores.summary(normalize: .none, key: key)
    }

    private static func change(from x: Tensor, to y: Tensor, _ rows: Range<Int>) -> Double {
        let width = x.width
        func dots(_ a: Tensor, _ b: Tensor) -> [Double] {
            rows.flatMap { a.sums($0..<$0 + 1, unitWidth: width, with: b) { $0 * $1 } }
        }
        let cosines = zip(dots(x, y), zip(dots(x, x), dots(y, y))).map { xy, norms in
            xy / max((norms.0 * norms.1).squareRoot(), .leastNormalMagnitude)
        }
        return 1 - cosines.reduce(0, +) / Double(rows.count)
    }
}
