import Foundation
import Models
import Tensors

/// How much of a teacher's probability each number of kept outcomes leaves out, measured on a sample, to choose k by.
public struct TailTable: Codable, Equatable, Sendable {
    public struct Row: Codable, Equatable, Sendable {
        public var kept: Int
        /// Bytes per prediction before compression.
        public var bytes: Int
        /// 1 − Σ p over the kept outcomes at T = 1: its mean, and the value that one prediction in a hundred exceeds.
        public var meanTail: Double
        public var tail99: Double
        /// The mean tail at each of the other temperatures.
        public var tailsAtTemperatures: [Double]
    }

    public var predictions: Int
    public var temperatures: [Double]
    public var rows: [Row]

    /// Runs the teacher over some rows.
    ///
    /// - Parameters:
    ///   - counts: values of k; those above the number of outcomes are left out.
    ///   - progress: hears how many of how many rows are done.
    public init(
        of teacher: any RecordableTeacher, _ sequences: [[Int32]], counts: [Int] = [8, 16, 32, 64, 128, 256],
        plan: TargetPlan, progress: (Int, Int) throws -> Void
    ) throws {
        let outcomes = teacher.predictions?.outcomes ?? 0
        let (counts, temperatures) = (counts.filter { $0 < outcomes }, plan.temperatures.filter { $0 != 1 })
        let most = counts.max() ?? 0
        // tails[count][temperature][prediction]; T = 1 comes first.
        var tails = counts.map { _ in ([1] + temperatures).map { _ in [Double]() } }
        for range in TargetParts.runs(of: sequences.map(\.count), positions: 2048) where most > 0 {
            let batch = PackedBatch(Array(sequences[range]), samples: Array(range))
            let block = PredictionBlock(
                rows: teacher.predictions?.scope == .row ? range.count : batch.tokens.count, kept: most,
                temperatures: temperatures
            ) { predict in
                withoutActuallyEscaping(predict) { _ = teacher.run(batch, columns: [], predict: $0) }
            }
            for prediction in 0..<block.rows {
                let own = block.logProbabilities[prediction * most..<(prediction + 1) * most].map(Double.init)
                let normalizers = block.logNormalizers[
                    prediction * temperatures.count..<(prediction + 1) * temperatures.count]
                for (place, (temperature, normalizer)) in zip([1] + temperatures, [0] + normalizers).enumerated() {
                    for (count, kept) in counts.enumerated() {
                        let sum = own.prefix(kept).reduce(0) { $0 + exp($1 / temperature - normalizer) }
                        tails[count][place].append(max(0, 1 - sum))
                    }
                }
            }
            try progress(range.upperBound, sequences.count)
        }
        predictions = tails.first?.first?.count ?? 0
        self.temperatures = temperatures
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
        rows = zip(counts, tails).map { kept, tails in
            let sorted = tails[0].sorted()
            return Row(
                kept: kept, bytes: kept * (4 + plan.probabilities.size) + 8 * temperatures.count,
                meanTail: mean(tails[0]), tail99: sorted.isEmpty ? 0 : sorted[(sorted.count * 99) / 100],
                tailsAtTemperatures: tails.dropFirst().map(mean))
        }
    }
}
