/// Accuracy with its interval against what a model costs, on a logarithmic axis.
enum CostChart {
    struct Point {
        var name: String
        /// Bytes or milliseconds, positive.
        var cost: Double
        var accuracy: Estimate
        var role: Role
    }

    /// - Parameters:
    ///   - cost: Names the axis: `size on disk`.
    ///   - written: Writes a cost for people.
    static func markup(_ points: [Point], cost: String, written: (Double) -> String) -> String {
        let spoken = points.map { "\($0.name) \(Notation.percent($0.accuracy.value)) at \(written($0.cost))" }
        var drawing = Drawing(
            width: 340, height: 250, name: "Accuracy against \(cost): " + spoken.joined(separator: ", "))
        let costs = points.map(\.cost)
        let x = Axis(.logarithmic, (costs.min() ?? 1) / 1.7...(costs.max() ?? 1) * 1.7, from: 46, to: 330)
        let low = points.map(\.accuracy.low).min() ?? 0
        let high = points.map(\.accuracy.high).max() ?? 1
        let padding = (high - low) * 0.08
        let y = Axis(.linear, low - padding...high + padding, from: 204, to: 22)
        for tick in y.ticks(4) {
            drawing.line(46, y.position(tick), 330, y.position(tick), style: "grid")
            drawing.text(40, y.position(tick) + 4, Notation.fixed(tick * 100, tickDecimals(y)), anchor: .end)
        }
        for tick in x.ticks(4) {
            drawing.line(x.position(tick), 204, x.position(tick), 208, style: "axis")
            drawing.text(x.position(tick), 221, Notation.tick(written(tick)), anchor: .middle)
        }
        drawing.line(46, 204, 330, 204, style: "axis")
        drawing.text(4, 10, "Accuracy, % (line: 95% interval)")
        drawing.text(330, 242, "\(cost), logarithmic", anchor: .end)
        var taken = points.map { point in
            Box(x: x.position(point.cost) - 6, y: y.position(point.accuracy.value) - 6, width: 12, height: 12)
        }
        taken += points.map { point in
            let top = y.position(point.accuracy.high)
            return Box(x: x.position(point.cost) - 4, y: top, width: 8, height: y.position(point.accuracy.low) - top)
        }
        for point in points {
            let px = x.position(point.cost)
            drawing.line(
                px, y.position(point.accuracy.low), px, y.position(point.accuracy.high), style: point.role.stroke)
        }
        let frame = Box(x: 46, y: 14, width: 292, height: 190)
        for point in points {
            let place = (x.position(point.cost), y.position(point.accuracy.value))
            let label = PlacedLabel(point.name, beside: place, avoiding: taken, inside: frame)
            taken.append(label.box)
            for (i, line) in label.lines.enumerated() {
                let baseline = label.box.y + 11 + Double(i) * PlacedLabel.lineHeight
                drawing.text(
                    label.anchorX, baseline, line, anchor: label.anchor, style: "label halo \(point.role.fill)")
            }
        }
        for point in points {
            drawing.circle(
                x.position(point.cost), y.position(point.accuracy.value), radius: 4.5, style: point.role.fill)
        }
        return drawing.markup
    }

    private static func tickDecimals(_ axis: Axis) -> Int {
        axis.domain.upperBound - axis.domain.lowerBound < 0.03 ? 1 : 0
    }
}
