/// A forest plot: the difference in accuracy, or another share, of each pair with its interval, in percentage points.
enum DifferenceChart {
    struct Row {
        /// `INT8 against Teacher`.
        var name: String
        var difference: Estimate
        var isVerdict: Bool
    }

    /// - Parameter ends: what lies to the left of zero, and to the right.
    static func markup(
        _ rows: [Row], of share: String = "accuracy", ends: (String, String) = ("less accurate", "more accurate")
    ) -> String {
        let spoken = rows.map { row in
            "\(row.name) \(Notation.points(row.difference.value)) "
                + "(\(Notation.points(row.difference.low)) to \(Notation.points(row.difference.high)))"
        }
        let rowHeight = 38.0
        let bottom = 8 + Double(rows.count) * rowHeight
        var drawing = Drawing(
            width: 360, height: bottom + 42,
            name: "Difference in \(share) in percentage points with 95% intervals: " + spoken.joined(separator: "; "))
        let low = rows.map(\.difference.low).min() ?? 0
        let high = rows.map(\.difference.high).max() ?? 0
        // Never narrower than two points, so that a difference of nothing does not look like much.
        let x = Axis(.linear, min(low * 1.08, -0.01)...max(high * 1.08, 0.01), from: 10, to: 350)
        for tick in x.ticks(6) {
            drawing.line(x.position(tick), 8, x.position(tick), bottom, style: tick == 0 ? "axis" : "grid")
            drawing.text(x.position(tick), bottom + 14, Notation.tick(Notation.points(tick)), anchor: .middle)
        }
        for (i, row) in rows.enumerated() {
            let top = 8 + Double(i) * rowHeight
            let role = row.isVerdict ? Role.subject : .other
            drawing.text(10, top + 14, row.name, style: row.isVerdict ? "label halo strong" : "label halo")
            drawing.text(350, top + 14, Notation.points(row.difference.value), anchor: .end, style: "label halo strong")
            let y = top + 26
            let (left, right) = (x.position(row.difference.low), x.position(row.difference.high))
            drawing.line(left, y, right, y, style: role.stroke + " wide")
            drawing.line(left, y - 4, left, y + 4, style: role.stroke)
            drawing.line(right, y - 4, right, y + 4, style: role.stroke)
            drawing.circle(x.position(row.difference.value), y, radius: 4.5, style: role.fill)
        }
        drawing.text(10, bottom + 34, "← \(ends.0)")
        drawing.text(350, bottom + 34, "\(ends.1), points →", anchor: .end)
        return drawing.markup
    }
}
