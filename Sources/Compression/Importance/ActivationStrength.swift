import Models
import Tensors

/// How strongly a unit is active (Minitron, Muralidharan et al. 2024, arXiv 2407.14679): the mean over the tokens of a text
/// of ‖ctx_h‖₂, or of |a_n|, then the L2 norm over the texts, here divided by √texts so that their number does not matter.
///
/// Reads what goes into the output projections; neither labels nor gradients.
enum ActivationStrength {
    /// - Parameter calibration: in canonical order, checked.
    static func scores(
        of model: some ScorableModel, on calibration: CalibrationSequences, batch: Int
    ) throws -> UnitScores {
        var scores = UnitScores(of: model, statistic: .rootOfMean)
        let layers = model.scorableLayers
        try calibration.forEachBatch(of: batch) { examples in
            let packed = calibration.batch(examples)
            let trace = model.trace(packed, on: Tape(recording: false))
            for sequence in 0..<packed.offsets.count {
                let rows = packed.offsets[sequence]
                scores.heads.append(
                    zip(trace.contexts, layers).flatMap { Self.squaredMean($0.value, rows, $1.unitWidth) })
                scores.neurons.append(trace.activations.flatMap { Self.squaredMean($0.value, rows, 1) })
            }
        }
        return scores
    }

    /// (1/T Σ_t ‖x_t,u‖₂)² of every unit u.
    private static func squaredMean(_ x: Tensor, _ rows: Range<Int>, _ unitWidth: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: x.width / unitWidth)
        for row in rows {
            let squares = x.sums(row..<row + 1, unitWidth: unitWidth, with: x) { $0 * $1 }
            for unit in sums.indices { sums[unit] += squares[unit].squareRoot() }
        }
        return sums.map { sum in
            let mean = sum / Double(rows.count)
            return mean * mean
        }
    }
}
