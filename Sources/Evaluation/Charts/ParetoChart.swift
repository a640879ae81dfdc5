/// Quality against latency, the area of a mark being the model's size; a line joins the models that no other one beats in
/// all three.
enum ParetoChart {
    struct Point {
        var name: String
        /// In the unit of the axis; larger is better.
        var quality: Double
        /// Milliseconds, positive.
        var latency: Double
        var bytes: Double
        var role: Role
        /// Whether its name stands beside it; all are in the picture's accessible name.
        var isLabelled = true
    }

    /// - Parameters:
    ///   - quality: names the axis: `Accuracy, %`.
    ///   - written: writes a quality for people.
    static func markup(_ points: [Point], quality: String, written: (Double) -> String) -> String {
        let best = points.filter { point in !points.contains { beats($0, point) } }
        let spoken = points.map { point in
            "\(point.name) \(written(point.quality)) at \(Notation.milliseconds(point.latency)), "
                + "\(Notation.bytes(point.bytes))"
        }
        var drawing = Drawing(
            width: 340, height: 250,
            name: "\(quality), latency and size: \(spoken.joined(separator: "; ")). No other model beats "
                + best.map(\.name).joined(separator: ", "))
        let latencies = points.map(\.latency)
        let x = Axis(.logarithmic, (latencies.min() ?? 1) / 1.7...(latencies.max() ?? 1) * 1.7, from: 46, to: 330)
        let (low, high) = (points.map(\.quality).min() ?? 0, points.map(\.quality).max() ?? 1)
        let padding = max((high - low) * 0.3, 1e-9)
        let y = Axis(.linear, low - padding...high + padding, from: 204, to: 26)
        for tick in y.ticks(4) {
            drawing.line(46, y.position(tick), 330, y.position(tick), style: "grid")
            drawing.text(40, y.position(tick) + 4, Notation.tick(Notation.significant(tick)), anchor: .end)
        }
        for tick in x.ticks(4) {
            drawing.line(x.position(tick), 204, x.position(tick), 208, style: "axis")
            drawing.text(x.position(tick), 221, Notation.tick(Notation.milliseconds(tick)), anchor: .middle)
        }
        drawing.line(46, 204, 330, 204, style: "axis")
        drawing.text(4, 10, "\(quality) (area: size; dashed: beaten by none)")
        drawing.text(330, 242, "p50 latency, logarithmic", anchor: .end)
        let frontier = best.sorted { ($0.latency, $0.quality) < ($1.latency, $1.quality) }
        if frontier.count > 1 {
            drawing.polyline(
                frontier.map { (x: x.position($0.latency), y: y.position($0.quality)) }, style: "curve frontier")
        }
        let largest = max(points.map(\.bytes).max() ?? 1, 1)
        // Large marks first, so that no small one is hidden.
        let ordered = points.sorted { $0.bytes > $1.bytes }
        var taken: [Box] = []
        for point in ordered {
            let radius = 3 + 11 * (point.bytes / largest).squareRoot()
            let (px, py) = (x.position(point.latency), y.position(point.quality))
            drawing.circle(px, py, radius: radius, style: "\(point.role.fill) bubble")
            taken.append(Box(x: px - radius, y: py - radius, width: 2 * radius, height: 2 * radius))
        }
        let frame = Box(x: 46, y: 14, width: 292, height: 190)
        for point in ordered.reversed() where point.isLabelled {
            let place = (x.position(point.latency), y.position(point.quality))
            let label = PlacedLabel(point.name, beside: place, avoiding: taken, inside: frame)
            taken.append(label.box)
            for (i, line) in label.lines.enumerated() {
                drawing.text(
                    label.anchorX, label.box.y + 11 + Double(i) * PlacedLabel.lineHeight, line, anchor: label.anchor,
                    style: "label halo \(point.role.fill)")
            }
        }
        return drawing.markup
    }

    /// Whether a model is at least as good in everything, and better in something.
    private static func beats(_ a: Point, _ b: Point) -> Bool {
        a.quality >= b.quality && a.latency <= b.latency && a.bytes <= b.bytes
            && (a.quality > b.quality || a.latency < b.latency || a.bytes < b.bytes)
    }
}
