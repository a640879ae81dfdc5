import Evaluation
import Foundation
import Tensors

/// What an encoder gives to some texts: a number each, or an embedding.
struct TextOutputs {
    /// Row-major: [texts, width].
    let values: [Float]
    let width: Int

    var count: Int { values.count / width }

    /// The first number of each text.
    var numbers: [Double] { stride(from: 0, to: values.count, by: width).map { Double(values[$0]) } }

    /// The cosines of pairs of texts.
    func cosines(_ pairs: [(Int, Int)]) -> [Double] {
        pairs.map { a, b in
            var (dot, squareA, squareB) = (0.0, 0.0, 0.0)
            for column in 0..<width {
                let (x, y) = (Double(values[a * width + column]), Double(values[b * width + column]))
                dot += x * y
                squareA += x * x
                squareB += y * y
            }
            return dot / max((squareA * squareB).squareRoot(), 1e-30)
        }
    }

    /// Eight partners for each of so many texts, drawn by the seed.
    static func pairs(_ count: Int, seed: UInt64) -> [(Int, Int)] {
        let key = RandomKey(seed).mixed("pairs")
        return (0..<count).flatMap { text in
            (0..<8).map { (text, Int(key.mixed(text).bits($0) % UInt64(count))) }
        }.filter { $0.0 != $0.1 }
    }

    /// How alike both find the same pairs: Spearman's correlation of their cosines.
    func similarity(to other: TextOutputs, seed: UInt64) -> Double {
        let pairs = Self.pairs(count, seed: seed)
        return Correlation.spearman(cosines(pairs), other.cosines(pairs))
    }

    /// `similarity` over the pairs of some texts, each as often as it is named: what intervals resample, for pairs that share a text
    /// depend on each other.
    func similarityOfTexts(to other: TextOutputs, seed: UInt64) -> ([Int]) -> Double {
        let pairs = Self.pairs(count, seed: seed)
        let (own, theirs) = (cosines(pairs), other.cosines(pairs))
        let ofText = Dictionary(grouping: pairs.indices) { pairs[$0].0 }
        return { texts in
            let chosen = texts.flatMap { ofText[$0] ?? [] }
            return Correlation.spearman(chosen.map { own[$0] }, chosen.map { theirs[$0] })
        }
    }

    /// As `similarity`, with its interval over the texts.
    func similarityScore(to other: TextOutputs, seed: UInt64) -> ScoreReport.Score {
        .init(
            .similarity,
            Bootstrap.statistic(rows: count, resamples: 500, seed: seed, similarityOfTexts(to: other, seed: seed)))
    }

    /// Of a regression, against the numbers of the rows.
    func scores(against labels: [Double], seed: UInt64) -> [ScoreReport.Score] {
        let numbers = numbers
        func estimate(_ statistic: @escaping ([Double], [Double]) -> Double) -> Estimate {
            Bootstrap.statistic(rows: labels.count, resamples: 500, seed: seed) { rows in
                statistic(rows.map { numbers[$0] }, rows.map { labels[$0] })
            }
        }
        return [
            .init(.pearson, estimate(Correlation.pearson)), .init(.spearman, estimate(Correlation.spearman)),
            .init(.rmse, estimate(Self.rootMeanSquare)),
        ]
    }

    /// Of the differences.
    static func rootMeanSquare(_ a: [Double], _ b: [Double]) -> Double {
        (zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / Double(a.count)).squareRoot()
    }
}
