import Foundation

/// Accuracy against confidence in bins of equally many rows; on the diagonal a model is as often right as it claims.
enum ReliabilityChart {
    static func markup(_ calibration: Calibration, name: String, role: Role, classes: Int) -> String {
        var drawing = Drawing(
            width: 190, height: 178,
            name: "Reliability of \(name): expected calibration error \(Notation.fixed(calibration.expectedError, 3))")
        let lowest = calibration.bins.map { min($0.accuracy, $0.confidence) }.min() ?? 0
        let start = floor(min(lowest, 1 / Double(classes)) * 10 + 1e-9) / 10
        let x = Axis(.linear, start...1, from: 34, to: 182)
        let y = Axis(.linear, start...1, from: 144, to: 8)
        for tick in x.ticks(3) {
            drawing.line(34, y.position(tick), 182, y.position(tick), style: "grid")
            drawing.text(28, y.position(tick) + 4, Notation.fixed(tick, 1), anchor: .end)
            drawing.text(x.position(tick), 158, Notation.fixed(tick, 1), anchor: .middle)
        }
        drawing.line(34, 144, 182, 8, style: "diagonal")
        let points = calibration.bins.map { (x: x.position($0.confidence), y: y.position($0.accuracy)) }
        drawing.polyline(points, style: "curve " + role.stroke)
        for point in points { drawing.circle(point.x, point.y, radius: 2.8, style: role.fill) }
        drawing.text(182, 174, "confidence →", anchor: .end)
        drawing.text(38, 16, "accuracy", style: "note halo")
        return drawing.markup
    }
}
