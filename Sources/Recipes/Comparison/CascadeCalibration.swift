public import Evaluation
import Files
public import Foundation

/// Finds from when on a student should ask its teacher.
public struct CascadeCalibration: Sendable, Encodable {
    public let schema = 1
    public let student: String
    public let teacher: String
    public let classes: [String]
    /// Where the numbers come from: `latency` (p50 of single queries), or `given`.
    public let costFrom: String
    public let cascade: Cascade
    public let digests: [RunRecord.Fact]

    private enum CodingKeys: String, CodingKey { case schema, student, teacher, classes, costFrom, cascade, digests }

    /// - Parameters:
    ///   - relativeCost: the student's cost of a row over the teacher's; nil measures latencies.
    ///   - calibration: rows that choose; nil takes half of `data`, by a hash of the texts, copies together.
    /// - Throws: `InputError` or `InputErrors` naming what does not pair up.
    public init(
        student: String, teacher: String, data: String, calibration: String?, relativeCost: Double?,
        _ options: Comparison.Options
    ) throws {
        var options = options
        options.queries = relativeCost == nil ? max(1, options.queries) : 0
        func results(_ data: String) throws -> Report {
            let report = try Comparison(student, against: teacher, data: data, options).report()
            guard let report = report as? Report else {
                throw InputError(
                    file: student, problem: "is no classifier", remedy: "a cascade needs probabilities of classes")
            }
            guard let logits = report.models.first(where: { $0.result.key == "model" })?.result.logits, !logits.isEmpty
            else {
                throw InputError(
                    file: student, problem: "the answers have labels without probabilities",
                    remedy: "record the scores of all classes")
            }
            return report
        }
        let report = try results(data)
        let other = try calibration.map(results)
        let reports = [other, report].compactMap { $0 }
        guard Set(reports.map(\.data.classNames)).count == 1 else {
            throw InputError(
                file: calibration, problem: "its classes are not those of \(data)", remedy: "give rows of the same task"
            )
        }
        if let other {
            let shared = Set(other.data.texts).intersection(report.data.texts)
            guard shared.isEmpty else {
                throw InputError(
                    file: calibration,
                    problem: "\(shared.count) of its texts are also in \(data), such as "
                        + "\"\(shared.sorted()[0].prefix(60))\"", remedy: "choose on other rows than those that judge")
            }
        }
        func joined<Value>(_ values: (Report) -> [Value]) -> [Value] { reports.flatMap(values) }
        func model(_ report: Report, _ key: String) -> Report.Model {
            report.models.first { $0.result.key == key }!
        }
        let labels = joined(\.data.labels)
        guard labels.count >= 4 else {
            throw InputError(file: data, problem: "\(labels.count) rows are too few to choose and to judge by")
        }
        let half =
            other.map { Array(0..<$0.data.labels.count) }
            ?? Cascade.half(of: report.data.texts, seed: options.seed)
        guard half.count < labels.count else {
            throw InputError(
                file: data, problem: "its texts are too alike to choose on some and to judge on others",
                remedy: "give more texts, or rows to choose on with --calibration")
        }
        costFrom = relativeCost == nil ? "latency" : "given"
        let latencies = ["model", "teacher"].map { model(report, $0).result.latency?.p50 }
        guard let cost = relativeCost ?? latencies[0].flatMap({ own in latencies[1].map { own / $0 } }) else {
            throw InputError(
                field: "--relative-cost",
                problem: "nothing is known of latencies: recorded answers may lack them, and ONNX files are not timed",
                remedy: "say what a row costs the student over what it costs the teacher, such as 0.05")
        }
        (self.student, self.teacher) = (student, teacher)
        classes = report.data.classNames
        cascade = Cascade(
            student: joined { model($0, "model").result.logits },
            studentLabels: joined { model($0, "model").predictions.labels },
            teacherLabels: joined { model($0, "teacher").predictions.labels }, labels: labels, classes: classes.count,
            calibration: half, relativeCost: cost, seed: options.seed)
        digests = reports.flatMap(\.record.digests)
    }

    /// The document that is stored: one object with sorted keys.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// Whether a file holds such a document.
    public static func isStored(at url: URL) -> Bool {
        struct Document: Decodable {
            struct Part: Decodable { var temperature: Double }
            var schema: Int
            var student: String
            var cascade: Part
        }
        return (try? JSONDecoder().decode(Document.self, from: Data(contentsOf: url))) != nil
    }

    /// Whether a file holds such a page as `html` makes.
    public static func isPage(at url: URL) -> Bool {
        (try? String(contentsOf: url, encoding: .utf8))?.contains("<p class=\"eyebrow\">\(Cascade.pageTitle)</p>")
            ?? false
    }

    /// The curves of cost and quality as a page.
    public func html(commands: [String]) throws -> String {
        try cascade.html(
            student: student, teacher: teacher, costFrom: costFrom == "given" ? "as given" : "p50 latencies",
            digests: digests, commands: commands)
    }

    /// Writes the document, whole or not at all.
    public func write(to url: URL) throws { try AtomicFile.write(json(), to: url) }

    /// For a terminal.
    public var lines: [String] {
        func percent(_ value: Double) -> String { String(format: "%.1f%%", value * 100) }
        func interval(_ estimate: Estimate) -> String {
            "\(percent(estimate.value)) (\(percent(estimate.low)) to \(percent(estimate.high)))"
        }
        var lines = [
            "temperature \(String(format: "%.3f", cascade.temperature)) and thresholds from \(cascade.calibrationRows) rows, "
                + "judged on \(cascade.testRows) others",
            "student \(interval(cascade.studentAccuracy)), teacher \(interval(cascade.teacherAccuracy)), the student costs "
                + "\(percent(cascade.relativeCost)) of the teacher (\(costFrom))",
        ]
        for measured in cascade.measures {
            lines.append("\(measured.measure.rawValue)\(measured.measure == cascade.best ? " (best)" : "")")
            for target in measured.targets {
                lines.append(
                    "  \(percent(target.quality)) of the teacher: threshold \(String(format: "%.4f", target.point.threshold)), "
                        + "\(percent(target.point.escalated)) escalated, accuracy \(interval(target.point.accuracy)), "
                        + "\(percent(target.reached)) reached, \(percent(target.point.savings)) saved")
            }
        }
        return lines
    }
}
