import Foundation
import Tensors

/// The kept outcomes of some predictions, filled from rows of logits by several threads at once.
struct PredictionBlock {
    /// k.
    let kept: Int
    let temperatures: [Double]
    let rows: Int
    /// By falling logit, the smaller id first among equals: [P, k]; unused where all outcomes are kept, by outcome.
    private(set) var ids: [Int32]
    /// log p at T = 1: [P, k].
    private(set) var logProbabilities: [Float]
    /// c_T: [P, temperatures].
    private(set) var logNormalizers: [Double]
    /// 1 − Σ p over the kept outcomes, at T = 1: [P].
    private(set) var tails: [Double]

    /// - Parameter fill: calls its argument with each prediction's number and its logits, which it may overwrite.
    init(
        rows: Int, kept: Int, temperatures: [Double],
        fill: ((Int, UnsafeMutableBufferPointer<Float>) -> Void) -> Void
    ) {
        self.rows = rows
        self.kept = kept
        self.temperatures = temperatures
        ids = [Int32](repeating: 0, count: rows * kept)
        logProbabilities = [Float](repeating: 0, count: rows * kept)
        logNormalizers = [Double](repeating: 0, count: rows * temperatures.count)
        tails = [Double](repeating: 0, count: rows)
        ids.withUnsafeMutableBufferPointer { ids in
            logProbabilities.withUnsafeMutableBufferPointer { logProbabilities in
                logNormalizers.withUnsafeMutableBufferPointer { logNormalizers in
                    tails.withUnsafeMutableBufferPointer { tails in
                        // Each prediction writes its own rows.
                        nonisolated(unsafe) let (ids, logProbabilities) = (ids, logProbabilities)
                        nonisolated(unsafe) let (logNormalizers, tails) = (logNormalizers, tails)
                        fill { row, logits in
                            let z = UnsafeBufferPointer(logits)
                            let range = row * kept..<(row + 1) * kept
                            let shift = z.logSumExp()
                            if kept == z.count {
                                for (place, logit) in zip(range, z) {
                                    logProbabilities[place] = Float(Double(logit) - shift)
                                }
                            } else {
                                z.likeliest(into: UnsafeMutableBufferPointer(rebasing: ids[range]))
                                var mass = 0.0
                                for place in range {
                                    let value = Double(z[Int(ids[place])]) - shift
                                    logProbabilities[place] = Float(value)
                                    mass += exp(value)
                                }
                                tails[row] = max(0, 1 - mass)
                            }
                            for (index, temperature) in temperatures.enumerated() {
                                logNormalizers[row * temperatures.count + index] =
                                    z.logSumExp(temperature: temperature) - shift / temperature
                            }
                        }
                    }
                }
            }
        }
    }
}
