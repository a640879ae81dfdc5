/// The loss of one stage and its terms over the steps.
enum LearningCurveChart {
    /// - Returns: Nil if the stage recorded no step.
    static func markup(_ curve: LearningCurve) -> String? {
        let points = curve.thinned.points
        guard let first = points.first, let last = points.last else { return nil }
        let names = Set(points.flatMap(\.terms.keys)).sorted()
        var drawing = Drawing(
            width: 340, height: 176,
            name:
                "Learning curve of \(curve.stage.replacing("_", with: " ")): loss from \(Notation.significant(first.loss)) at step \(first.step) "
                + "to \(Notation.significant(last.loss)) at step \(last.step)")
        let values = points.flatMap { [$0.loss] + $0.terms.values }
        let x = Axis(.linear, Double(first.step)...Double(last.step), from: 40, to: 250)
        let y = Axis(.linear, min(0, values.min() ?? 0)...max(values.max() ?? 1, 1e-6), from: 146, to: 12)
        for tick in y.ticks(4) {
            drawing.line(40, y.position(tick), 250, y.position(tick), style: "grid")
            drawing.text(34, y.position(tick) + 4, Notation.tick(Notation.significant(tick)), anchor: .end)
        }
        for tick in x.ticks(5) where tick == tick.rounded() {
            drawing.text(x.position(tick), 161, Notation.tick(Notation.significant(tick)), anchor: .middle)
        }
        drawing.line(40, y.position(0), 250, y.position(0), style: "axis")
        var ends: [(y: Double, text: String, style: String)] = []
        // A single term is the loss itself, or a multiple of it.
        for (i, name) in (names.count > 1 ? names : []).enumerated() {
            let line = points.compactMap { point in
                point.terms[name].map { (x: x.position(Double(point.step)), y: y.position($0)) }
            }
            drawing.polyline(line, style: "curve series\(i % 4)")
            let label = name.replacing("_", with: " ")
            ends.append((line.last?.y ?? 0, label, "label text-series\(i % 4)"))
        }
        let line = points.map { (x: x.position(Double($0.step)), y: y.position($0.loss)) }
        drawing.polyline(line, style: "curve total")
        ends.append((line.last?.y ?? 0, "loss", "label strong"))
        for end in spread(ends) {
            drawing.text(256, end.y + 4, end.text, style: end.style)
        }
        return drawing.markup
    }

    /// Moves labels apart until none is nearer than a line's height to the next, keeping them above the axis.
    private static func spread(
        _ labels: [(y: Double, text: String, style: String)]
    ) -> [(y: Double, text: String, style: String)] {
        var sorted = labels.sorted { $0.y < $1.y }
        for i in sorted.indices.dropFirst() { sorted[i].y = max(sorted[i].y, sorted[i - 1].y + 14) }
        var limit = 146.0
        for i in sorted.indices.reversed() {
            sorted[i].y = min(sorted[i].y, limit)
            limit = sorted[i].y - 14
        }
        return sorted
    }
}
