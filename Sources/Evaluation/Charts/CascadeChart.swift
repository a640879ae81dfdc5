/// What a cascade costs and how often it is right, for every measure of confidence: from the student alone to the teacher alone.
enum CascadeChart {
    static func markup(_ cascade: Cascade) -> String {
        let teacher = (cost: 1.0, accuracy: cascade.teacherAccuracy)
        let student = (cost: cascade.relativeCost, accuracy: cascade.studentAccuracy)
        let best = cascade.measures.first { $0.measure == cascade.best }
        let targets = best?.targets.map { target in
            "\(Notation.percent(target.quality)) of the teacher at cost \(Notation.significant(target.point.cost))"
        }
        var drawing = Drawing(
            width: 340, height: 262,
            name: "Accuracy against cost: student \(Notation.percent(student.accuracy.value)) at "
                + "\(Notation.significant(student.cost)), teacher \(Notation.percent(teacher.accuracy.value)) at 1; by "
                + "\(name(cascade.best)) \((targets ?? []).joined(separator: ", "))")
        let points = cascade.measures.flatMap(\.curve)
        let values = points.map(\.accuracy.value)
        let ends = (best?.curve ?? []).flatMap { [$0.accuracy.low, $0.accuracy.high] }
        let all = values + ends + [student.accuracy.value, teacher.accuracy.value]
        let (low, high) = (all.min() ?? 0, all.max() ?? 1)
        let padding = max((high - low) * 0.06, 1e-6)
        let x = Axis(.linear, 0...max(1, points.map(\.cost).max() ?? 1) * 1.04, from: 46, to: 330)
        let y = Axis(.linear, low - padding...high + padding, from: 190, to: 22)
        for tick in y.ticks(4) {
            drawing.line(46, y.position(tick), 330, y.position(tick), style: "grid")
            drawing.text(40, y.position(tick) + 4, Notation.fixed(tick * 100, high - low < 0.03 ? 1 : 0), anchor: .end)
        }
        for tick in x.ticks(5) {
            drawing.line(x.position(tick), 190, x.position(tick), 194, style: "axis")
            drawing.text(x.position(tick), 207, Notation.tick(Notation.significant(tick)), anchor: .middle)
        }
        drawing.line(46, 190, 330, 190, style: "axis")
        drawing.text(4, 10, "Accuracy, % (lines: 95% intervals of the best measure)")
        drawing.text(330, 224, "cost of a row, the teacher's is 1", anchor: .end)
        for point in best?.curve ?? [] {
            let px = x.position(point.cost)
            drawing.line(px, y.position(point.accuracy.low), px, y.position(point.accuracy.high), style: "grid")
        }
        for (index, measured) in cascade.measures.enumerated() {
            drawing.polyline(
                measured.curve.map { (x: x.position($0.cost), y: y.position($0.accuracy.value)) },
                style: measured.measure == cascade.best ? "curve total" : "curve series\(index % 4)")
            drawing.text(
                46 + Double(index) * 104, 248, name(measured.measure),
                style: measured.measure == cascade.best ? "label strong" : "label text-series\(index % 4)")
        }
        for target in best?.targets ?? [] {
            drawing.circle(
                x.position(target.point.cost), y.position(target.point.accuracy.value), radius: 3.5, style: "fill-other"
            )
        }
        for (label, point, role) in [("Student", student, Role.subject), ("Teacher", teacher, .reference)] {
            let (px, py) = (x.position(point.cost), y.position(point.accuracy.value))
            drawing.circle(px, py, radius: 5, style: role.fill)
            let isRight = px > 250
            drawing.text(
                isRight ? px - 9 : px + 9, max(34, py - 8), label, anchor: isRight ? .end : .start,
                style: "label halo \(role.fill)")
        }
        return drawing.markup
    }

    /// What is large where the model is sure.
    static func name(_ measure: ConfidenceMeasure) -> String {
        switch measure {
        case .maxProbability: "max probability"
        case .margin: "margin"
        case .entropy: "1 − entropy / log C"
        }
    }
}
