import Foundation
import Recipes

/// The same recipe under several seeds: what is the method's, and what is luck?
struct SeedStudy {
    private var seeds: [UInt64] = []
    private var headline = (name: "", precision: 2, isCost: false)
    /// By model, one value per seed.
    private var results: [(key: String, name: String, values: [Double])] = []

    mutating func add(_ report: any RunReport, seed: UInt64) {
        seeds.append(seed)
        headline = (report.headline.name, report.headline.precision, report.headline.isCost)
        for model in report.headline.models {
            if let index = results.firstIndex(where: { $0.key == model.key }) {
                results[index].values.append(model.value)
            } else {
                results.append((model.key, model.name, [model.value]))
            }
        }
    }

    /// A line per model: mean, standard deviation, and the value under each seed.
    var table: [String] {
        let width = (results.map(\.name.count) + [headline.name.count]).max()! + 2
        let heads = seeds.map { Self.right("seed \($0)", 10) }.joined()
        var lines = [
            headline.name.padding(toLength: width, withPad: " ", startingAt: 0) + Self.right("mean ± sd", 15)
                + heads
        ]
        for model in results {
            let name = model.name.padding(toLength: width, withPad: " ", startingAt: 0)
            let values = model.values.map { Self.right(String(format: "%.\(headline.precision)f", $0), 10) }.joined()
            lines.append(name + Self.right(summary(model.values), 15) + values)
        }
        if let distilled = values("student"), let plain = values("labels_only") {
            let differences = zip(distilled, plain).map { headline.isCost ? $1 - $0 : $0 - $1 }
            lines.append("Distillation is worth \(summary(differences)) over labels only.")
        }
        return lines
    }

    private func values(_ key: String) -> [Double]? {
        results.first { $0.key == key }?.values
    }

    private func summary(_ values: [Double]) -> String {
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0
        return String(format: "%.\(headline.precision)f ± %.\(headline.precision)f", mean, deviation)
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
