import Evaluation
import Foundation

/// The same recipe under several seeds: what is the method's, and what is luck?
struct SeedStudy {
    private var seeds: [UInt64] = []
    /// Test accuracy in percent by model key, one value per seed.
    private var accuracies: [(key: String, name: String, values: [Double])] = []

    mutating func add(_ report: Report, seed: UInt64) {
        seeds.append(seed)
        for model in report.models {
            let accuracy = model.metrics.accuracy.value * 100
            if let index = accuracies.firstIndex(where: { $0.key == model.result.key }) {
                accuracies[index].values.append(accuracy)
            } else {
                accuracies.append((model.result.key, model.result.name, [accuracy]))
            }
        }
    }

    /// A line per model: mean, standard deviation, and the accuracy under each seed.
    var table: [String] {
        let width = (accuracies.map(\.name.count).max() ?? 0) + 2
        let heads = seeds.map { Self.right("seed \($0)", 10) }.joined()
        var lines = [
            "Test accuracy, %".padding(toLength: width, withPad: " ", startingAt: 0) + Self.right("mean ± sd", 15)
                + heads
        ]
        for model in accuracies {
            let name = model.name.padding(toLength: width, withPad: " ", startingAt: 0)
            let values = model.values.map { Self.right(String(format: "%.2f", $0), 10) }.joined()
            lines.append(name + Self.right(Self.summary(model.values), 15) + values)
        }
        if let distilled = values("student"), let plain = values("labels_only") {
            let differences = zip(distilled, plain).map { $0 - $1 }
            lines.append("Distillation is worth \(Self.summary(differences)) points over labels only.")
        }
        return lines
    }

    private func values(_ key: String) -> [Double]? {
        accuracies.first { $0.key == key }?.values
    }

    private static func summary(_ values: [Double]) -> String {
        let mean = values.reduce(0, +) / Double(values.count)
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        let deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0
        return String(format: "%.2f ± %.2f", mean, deviation)
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
