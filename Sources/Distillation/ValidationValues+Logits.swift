import Foundation

extension ValidationValues {
    /// Of class logits, row-major: count × classes, against the labels.
    public init(logits: [Float], labels: [Int]) {
        precondition(
            !labels.isEmpty && logits.count.isMultiple(of: labels.count),
            "ValidationValues: \(logits.count) logits for \(labels.count) rows")
        let width = logits.count / labels.count
        var (loss, right) = (0.0, 0)
        for (row, label) in labels.enumerated() {
            let values = logits[row * width..<(row + 1) * width]
            let first = values.indices.max { values[$0] < values[$1] }!
            let highest = values[first]
            let sum = values.reduce(0.0) { $0 + exp(Double($1 - highest)) }
            loss += log(sum) - Double(values[row * width + label] - highest)
            right += first - row * width == label ? 1 : 0
        }
        self.init(loss: loss / Double(labels.count), accuracy: Double(right) / Double(labels.count))
    }
}
