import Evaluation
import Foundation
import Testing

@Suite("A student that asks its teacher")
struct CascadeTests {
    /// Logits of two classes whose margin says how often they are right, the true classes, and a teacher that is always right.
    private func rows(_ count: Int, sharpness: Double) -> (logits: [Float], labels: [Int]) {
        var generator = Generator(state: 77)
        var (logits, labels): ([Float], [Int]) = ([], [])
        for _ in 0..<count {
            let margin = Double.random(in: -4...4, using: &generator)
            labels.append(Double.random(in: 0..<1, using: &generator) < 1 / (1 + exp(-margin)) ? 0 : 1)
            logits += [Float(margin * sharpness), 0]
        }
        return (logits, labels)
    }

    @Test("the temperature undoes what made the logits too sharp")
    func temperature() {
        let (logits, labels) = rows(20_000, sharpness: 3)
        let found = TemperatureScaling.temperature(logits: logits, labels: labels, classes: 2)
        #expect(abs(found - 3) < 0.15, "\(found)")
    }

    @Test("the surer measure is larger, and lies in 0 to 1")
    func measures() {
        for measure in ConfidenceMeasure.allCases {
            let values = [[0.34, 0.33, 0.33], [0.6, 0.3, 0.1], [1, 0, 0]].map(measure.confidence)
            #expect(values == values.sorted() && values.allSatisfy { (0...1).contains($0) })
        }
        #expect(abs(ConfidenceMeasure.margin.confidence([0.6, 0.3, 0.1]) - 0.3) < 1e-12)
    }

    @Test(
        "more escalation costs more, and here it is never worse; the targets are reached on rows that did not choose them"
    )
    func curve() throws {
        let (logits, labels) = rows(4000, sharpness: 2)
        let cascade = Cascade(
            student: logits, teacherLabels: labels, labels: labels, classes: 2, calibration: Array(0..<2000),
            relativeCost: 0.1)
        #expect(cascade.teacherAccuracy.value == 1 && cascade.testRows == 2000)
        for measured in cascade.measures {
            let points = measured.curve
            #expect(points.first?.escalated == 0 && points.last?.escalated == 1)
            #expect(points.last?.difference == Estimate(value: 0, low: 0, high: 0))
            for (a, b) in zip(points, points.dropFirst()) {
                #expect(a.escalated <= b.escalated && a.accuracy.value <= b.accuracy.value && a.cost <= b.cost)
            }
            #expect(points[0].accuracy == cascade.studentAccuracy && points.last?.accuracy == cascade.teacherAccuracy)
            // Nothing but right rows leave some doubt too.
            #expect(cascade.teacherAccuracy.low < 1)
            for target in measured.targets {
                #expect(abs(target.reached - target.quality) < 0.02 || target.point.escalated == 0)
                #expect(abs(target.point.savings - (0.9 - target.point.escalated)) < 1e-12)
            }
        }
    }

    @Test("the order of the rows changes neither the halves nor any number")
    func order() throws {
        let (logits, labels) = rows(300, sharpness: 1)
        let names = labels.indices.map { "row \($0)" }
        let order = Array(labels.indices.reversed())
        func json(_ order: [Int]) throws -> Data {
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            return try encoder.encode(
                Cascade(
                    student: order.flatMap { logits[$0 * 2..<$0 * 2 + 2] }, teacherLabels: order.map { labels[$0] },
                    labels: order.map { labels[$0] }, classes: 2,
                    calibration: Cascade.half(of: order.map { names[$0] }), relativeCost: 0.2))
        }
        #expect(try json(Array(labels.indices)) == json(order))
    }
}
