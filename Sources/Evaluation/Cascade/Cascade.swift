import Foundation

/// A student that answers where it is sure, and asks the teacher where it is not.
///
/// The temperature and the thresholds are chosen on some rows, and judged on the others.
public struct Cascade: Sendable, Encodable {
    /// What a threshold comes to on the rows that did not choose it.
    public struct Point: Sendable, Encodable {
        /// The student answers rows of at least this confidence.
        public var threshold: Double
        /// Share of the rows that go to the teacher.
        public var escalated: Double
        /// With its Wilson interval.
        public var accuracy: Estimate
        /// Cascade minus teacher, with its paired bootstrap interval.
        public var difference: Estimate
        /// Of a row, where the teacher's is 1: the student's, and of the escalated rows the teacher's too.
        public var cost: Double
        /// 1 − cost.
        public var savings: Double
    }

    /// The cheapest threshold that kept a share of the teacher's accuracy on the rows that chose it.
    public struct Target: Sendable, Encodable {
        /// 0.90, 0.95, 0.99
        public var quality: Double
        public var point: Point
        /// Accuracy of the cascade over the teacher's, on the rows that did not choose it.
        public var reached: Double
    }

    public struct Measured: Sendable, Encodable {
        public var measure: ConfidenceMeasure
        /// From nothing escalated to everything.
        public var curve: [Point]
        public var targets: [Target]
        /// Mean accuracy over the curve: what chooses the measure.
        public var area: Double
    }

    /// Divides the student's logits.
    public let temperature: Double
    public let calibrationRows: Int
    public let testRows: Int
    /// The student's cost of a row over the teacher's.
    public let relativeCost: Double
    public let studentAccuracy: Estimate
    public let teacherAccuracy: Estimate
    public let measures: [Measured]
    /// The measure with the largest area on the rows that chose the thresholds.
    public let best: ConfidenceMeasure

    /// One model's side: logits and what came of them.
    private struct Row {
        var confidence: Double
        var student: Bool
        var teacher: Bool
    }

    /// - Parameters:
    ///   - student: N × C logits.
    ///   - studentLabels: N labels that the student gives; nil takes its most probable classes.
    ///   - teacherLabels: N labels that the teacher gives.
    ///   - labels: N true classes.
    ///   - calibration: the rows that choose; the others judge. Neither is empty.
    ///   - relativeCost: the student's cost of a row over the teacher's.
    public init(
        student: [Float], studentLabels: [Int]? = nil, teacherLabels: [Int], labels: [Int], classes: Int,
        calibration: [Int], relativeCost: Double, seed: UInt64 = 0
    ) {
        let chosen = Set(calibration)
        let test = labels.indices.filter { !chosen.contains($0) }
        precondition(!calibration.isEmpty && !test.isEmpty, "\(calibration.count) rows choose, \(test.count) judge")
        let temperature = TemperatureScaling.temperature(
            logits: calibration.flatMap { student[$0 * classes..<($0 + 1) * classes] },
            labels: calibration.map { labels[$0] }, classes: classes)
        let predictions = Predictions(
            logits: student.map { Float(Double($0) / temperature) }, classes: classes, labels: studentLabels)
        func rows(_ indices: [Int], _ measure: ConfidenceMeasure) -> [Row] {
            // By confidence, and rows of one confidence by what came of them: the order of the file changes nothing.
            indices.map {
                Row(
                    confidence: measure.confidence(predictions.probabilities(row: $0)),
                    student: predictions.labels[$0] == labels[$0], teacher: teacherLabels[$0] == labels[$0])
            }.sorted {
                ($0.confidence, $0.student ? 1 : 0, $0.teacher ? 1 : 0)
                    < ($1.confidence, $1.student ? 1 : 0, $1.teacher ? 1 : 0)
            }
        }
        self.temperature = temperature
        self.relativeCost = relativeCost
        (calibrationRows, testRows) = (calibration.count, test.count)
        studentAccuracy = .wilson(successes: test.count { predictions.labels[$0] == labels[$0] }, trials: test.count)
        teacherAccuracy = .wilson(successes: test.count { teacherLabels[$0] == labels[$0] }, trials: test.count)
        var (measures, areas): ([Measured], [Double]) = ([], [])
        for measure in ConfidenceMeasure.allCases {
            let (choosing, judging) = (rows(calibration, measure), rows(test, measure))
            func point(_ threshold: Double) -> Point {
                Self.point(threshold, judging, relativeCost: relativeCost, seed: seed)
            }
            let curve = Self.thresholds(choosing).map(point)
            let targets = [0.90, 0.95, 0.99].map { quality in
                let point = point(Self.cheapest(choosing, quality: quality))
                let reference = Double(judging.count(where: \.teacher)) / Double(judging.count)
                return Target(
                    quality: quality, point: point, reached: reference > 0 ? point.accuracy.value / reference : 1)
            }
            let area = curve.reduce(0) { $0 + $1.accuracy.value } / Double(curve.count)
            measures.append(Measured(measure: measure, curve: curve, targets: targets, area: area))
            areas.append(Self.area(choosing))
        }
        self.measures = measures
        best = ConfidenceMeasure.allCases[areas.indices.max { areas[$0] < areas[$1] }!]
    }

    /// Every twentieth of the rows that choose, and a threshold that no confidence reaches.
    private static func thresholds(_ rows: [Row]) -> [Double] {
        (0...20).map { part in
            let place = part * rows.count / 20
            return place < rows.count ? part == 0 ? 0 : rows[place].confidence : 1.000001
        }.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }

    /// The lowest threshold, and so the fewest escalations, from which on the rows keep the quality.
    private static func cheapest(_ rows: [Row], quality: Double) -> Double {
        let needed = quality * Double(rows.count(where: \.teacher))
        var right = rows.count(where: \.student)
        // Rows below the place are the teacher's.
        for place in 0...rows.count {
            let isBoundary = place == 0 || place == rows.count || rows[place].confidence > rows[place - 1].confidence
            if isBoundary, Double(right) >= needed - 1e-9 {
                return place == 0 ? 0 : place < rows.count ? rows[place].confidence : 1.000001
            }
            if place < rows.count { right += (rows[place].teacher ? 1 : 0) - (rows[place].student ? 1 : 0) }
        }
        return 1.000001
    }

    /// Mean number of right rows over all places of the threshold.
    private static func area(_ rows: [Row]) -> Double {
        var right = rows.count(where: \.student)
        return rows.reduce(0.0) { sum, row in
            right += (row.teacher ? 1 : 0) - (row.student ? 1 : 0)
            return sum + Double(right)
        } / Double(rows.count)
    }

    private static func point(_ threshold: Double, _ rows: [Row], relativeCost: Double, seed: UInt64) -> Point {
        let escalated = Double(rows.count { $0.confidence < threshold }) / Double(rows.count)
        let right = rows.map { ($0.confidence < threshold ? $0.teacher : $0.student) ? 1.0 : 0 }
        let cost = relativeCost + escalated
        return Point(
            threshold: threshold, escalated: escalated,
            accuracy: .wilson(successes: right.count { $0 == 1 }, trials: rows.count),
            difference: Bootstrap.mean(
                of: zip(right, rows).map { $0 - ($1.teacher ? 1 : 0) }, resamples: 2000, seed: seed),
            cost: cost, savings: 1 - cost)
    }

    /// Half of the rows by a hash of what names them, so that the order of a file changes nothing.
    public static func half(of names: [String], seed: UInt64 = 0) -> [Int] {
        func hash(_ name: String) -> UInt64 {
            name.utf8.reduce(0xcbf2_9ce4_8422_2325 ^ seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        }
        let order = names.indices.sorted { (hash(names[$0]), names[$0], $0) < (hash(names[$1]), names[$1], $1) }
        // Equal names stay together, so that no row chooses what its copy judges.
        var end = max(1, names.count / 2)
        while end < order.count, names[order[end]] == names[order[end - 1]] { end += 1 }
        return order.prefix(end).sorted()
    }
}
