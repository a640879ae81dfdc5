public import Files
public import Foundation

/// The proof: what the final model lost against the teacher, how sure that is, and whether it is good enough.
///
/// Made of numbers only. The same input gives the same bytes; only `samples` follows the order of the rows.
public struct Report: Sendable {
    /// A model with its metrics.
    public struct Model: Sendable {
        public let result: ModelResult
        public let predictions: Predictions
        public let metrics: ClassificationMetrics
    }

    public let record: RunRecord
    public let data: EvaluationData
    /// In the order given.
    public let models: [Model]
    /// The reference against every other model, then each other model against the next one.
    public let pairs: [PairedComparison]
    public let gates: [GateOutcome]
    public let slices: [SliceResult]
    /// Key of the model that the others are compared with.
    public let reference: String
    /// Key of the model that the verdict and the gates are about.
    public let subject: String

    /// Whether every gate passed; true if there are none.
    public var passed: Bool { gates.allSatisfy(\.passed) }

    /// Computes every metric and comparison.
    ///
    /// - Parameters:
    ///   - models: At least one, in the order in which they came to be; keys are unique.
    ///   - gates: Demands on `subject`.
    ///   - reference: By default `teacher`, or else the first model.
    ///   - subject: By default `int8`, or else the last model.
    ///   - strict: judges gates by the far end of the interval, not by the value.
    ///   - seed: Chooses the bootstrap's resamples.
    /// - Throws: `InputErrors` naming everything that does not pair up, is not finite, or is unknown.
    public init(
        record: RunRecord, data: EvaluationData, models: [ModelResult], gates: [Gate] = [], reference: String? = nil,
        subject: String? = nil, strict: Bool = false, seed: UInt64 = 0
    ) throws(InputErrors) {
        var problems = data.problems() + record.problems
        var keys: [String] = []
        for model in models {
            problems += model.problems(on: data)
            if keys.contains(model.key) {
                problems.append(InputError(file: model.path, field: model.key, problem: "two models have this key"))
            }
            keys.append(model.key)
        }
        let reference = reference ?? (keys.contains("teacher") ? "teacher" : keys.first ?? "")
        let subject = subject ?? (keys.contains("int8") ? "int8" : keys.last ?? "")
        if models.isEmpty {
            problems.append(InputError(field: "models", problem: "no model to report on"))
        }
        for key in Set([reference, subject] + gates.compactMap(\.threshold.model)).sorted()
        where !keys.contains(key) && !models.isEmpty {
            problems.append(
                InputError(
                    field: "models", problem: "no model has the key \"\(key)\"",
                    remedy: "evaluated were: \(keys.joined(separator: ", "))"))
        }
        for gate in gates where gate.metric.isPaired && reference == subject {
            problems.append(
                InputError(
                    field: "gates.\(gate.metric.rawValue)", problem: "\"\(subject)\" would be compared with itself",
                    remedy: "give a second model"))
        }
        problems += gates.compactMap { $0.fault(of: subject) }
        for gate in gates where [.ece, .klMean].contains(gate.metric) {
            for model in models where model.logits.isEmpty && [reference, subject].contains(model.key) {
                problems.append(
                    InputError(
                        file: model.path, field: "gates.\(gate.metric.rawValue)",
                        problem: "the answers have labels without probabilities",
                        remedy: "record the scores of all classes, or leave the gate out"))
            }
        }
        guard problems.isEmpty else { throw InputErrors(problems) }

        let evaluated = models.map { result in
            let predictions = result.predictions(classes: data.classNames.count)
            let metrics = ClassificationMetrics(predictions, labels: data.labels)
            return Model(result: result, predictions: predictions, metrics: metrics)
        }
        let pairs = Report.pairs(evaluated, reference: reference).map { a, b in
            PairedComparison(
                a: (a.result.key, a.predictions), b: (b.result.key, b.predictions), labels: data.labels, seed: seed)
        }
        let judge = Judge(
            models: evaluated, pairs: pairs, data: data, reference: reference, subject: subject, seed: seed)
        self.record = record
        self.data = data
        self.models = evaluated
        self.pairs = pairs
        self.reference = reference
        self.subject = subject
        self.gates = gates.map { judge.outcome($0, strict: strict) }
        slices = Report.results(of: data.slices, evaluated, labels: data.labels, reference: reference, seed: seed)
    }

    /// Writes `report.html`, `samples.jsonl` and `report.json` into `directory`, all or none.
    public func write(to directory: URL) throws {
        try AtomicFile.write(all: [
            (directory.appendingPathComponent("report.html"), Data(html().utf8)),
            (directory.appendingPathComponent("samples.jsonl"), samples()),
            (directory.appendingPathComponent("report.json"), json()),
        ])
    }

    func model(_ key: String) -> Model {
        guard let model = models.first(where: { $0.result.key == key }) else {
            preconditionFailure("no model \(key) in \(models.map(\.result.key))")
        }
        return model
    }

    func pair(_ a: String, _ b: String) -> PairedComparison? {
        pairs.first { $0.a == a && $0.b == b }
    }

    private static func pairs(_ models: [Model], reference: String) -> [(Model, Model)] {
        let others = models.filter { $0.result.key != reference }
        let against = models.filter { $0.result.key == reference }.flatMap { model in others.map { (model, $0) } }
        return against + zip(others, others.dropFirst())
    }
}
