public import Files
public import Foundation

/// The proof for tasks whose answers are no classes: every model's numbers on the same test data, and what the others lost
/// against the reference.
///
/// The same input gives the same bytes.
public struct ScoreReport: Sendable {
    /// A model's number, such as its perplexity, with its 95 % interval.
    public struct Score: Sendable, Equatable {
        public var metric: Gate.Metric
        public var estimate: Estimate

        public init(_ metric: Gate.Metric, _ estimate: Estimate) {
            self.metric = metric
            self.estimate = estimate
        }
    }

    public struct Model: Sendable {
        /// Unique in the report, such as `student`.
        public var key: String
        public var name: String
        public var path: String
        public var parameters: Int
        /// Of its weights on the disk; nil where there is no file.
        public var bytes: Int?
        /// Of the model alone, in the order of `metrics`.
        public var scores: [Score]
        /// Against the reference; empty for the reference itself.
        public var comparisons: [Score]
        /// What its errors say against the reference's, row by row; nil for the reference and where rows were not kept.
        public var paired: PairedErrors?
        /// Of single queries.
        public var latency: LatencySummary?

        public init(
            key: String, name: String, path: String, parameters: Int, bytes: Int?, scores: [Score],
            comparisons: [Score], paired: PairedErrors? = nil, latency: LatencySummary? = nil
        ) {
            self.paired = paired
            self.latency = latency
            self.key = key
            self.name = name
            self.path = path
            self.parameters = parameters
            self.bytes = bytes
            self.scores = scores
            self.comparisons = comparisons
        }

        /// Its number, of the model alone or against the reference.
        public func value(_ metric: Gate.Metric) -> Double? {
            (scores + comparisons).first { $0.metric == metric }?.estimate.value
        }
    }

    /// As the recipe has it, such as `language-model`.
    public let task: String
    public let record: RunRecord
    /// What was judged on, in words: `230 windows, 117,001 tokens`.
    public let data: String
    /// In the order in which they came to be.
    public let models: [Model]
    public let gates: [GateOutcome]
    /// Numbers of parts of the rows.
    public let slices: [SliceResult]
    /// Rows that were answered, where they were kept.
    public let samples: [Sample]
    /// Key of the model that the others are compared with.
    public let reference: String
    /// Key of the model that the gates are about.
    public let subject: String

    /// Whether every gate passed; true if there are none.
    public var passed: Bool { gates.allSatisfy(\.passed) }

    /// - Parameters:
    ///   - models: at least one, with unique keys.
    ///   - subject: by default the last model.
    /// - Throws: `InputErrors` where a number is not finite, or a gate asks for what there is not.
    ///   - margins: of a gate that is judged by the end of its interval: the metric minus the threshold.
    public init(
        task: String, record: RunRecord, data: String, models: [Model], gates: [Gate], reference: String,
        subject: String? = nil, slices: [SliceResult] = [], samples: [Sample] = [],
        margins: ((Gate) -> Estimate?)? = nil
    ) throws(InputErrors) {
        let subject = subject ?? models[models.count - 1].key
        var problems = record.problems
        for model in models {
            for score in model.scores + model.comparisons where !score.estimate.value.isFinite {
                problems.append(
                    InputError(
                        file: model.path, field: score.metric.rawValue, problem: "is \(score.estimate.value)",
                        remedy: "the model has diverged: train it again with a lower learning rate"))
            }
        }
        func value(_ metric: Gate.Metric, _ key: String) -> Double? {
            models.first { $0.key == key }?.value(metric)
        }
        var outcomes: [GateOutcome] = []
        for gate in gates {
            if let fault = gate.fault(of: subject) {
                problems.append(fault)
                continue
            }
            let other = gate.threshold.model
            guard let found = value(gate.metric, subject), let limit = other.map({ value(gate.metric, $0) }) ?? 0
            else {
                problems.append(
                    InputError(
                        field: "gates.\(gate.metric.rawValue)",
                        problem: "there is no such number of \(other ?? subject) in this run"))
                continue
            }
            if let margins {
                guard let margin = margins(gate) else {
                    problems.append(
                        InputError(
                            field: "gates.\(gate.metric.rawValue)", problem: "has no interval here",
                            remedy: "leave --strict out"))
                    continue
                }
                outcomes.append(gate.strictOutcome(value: found, modelValue: limit, margin: margin))
            } else {
                outcomes.append(gate.outcome(value: found, modelValue: limit))
            }
        }
        guard problems.isEmpty else { throw InputErrors(problems) }
        self.task = task
        self.record = record
        self.data = data
        self.models = models
        self.gates = outcomes
        self.reference = reference
        self.subject = subject
        self.slices = slices
        self.samples = samples
    }

    /// Writes `report.html`, `report.json` and, where rows were kept, `samples.jsonl` into `directory`, all or none.
    public func write(to directory: URL) throws {
        let rows =
            samples.isEmpty ? [] : [(url: directory.appendingPathComponent("samples.jsonl"), data: try samplesFile())]
        try AtomicFile.write(
            all: rows + [
                (directory.appendingPathComponent("report.html"), Data(html().utf8)),
                (directory.appendingPathComponent("report.json"), json()),
            ])
    }

    /// The metrics that any model has, in their order.
    var metrics: (alone: [Gate.Metric], compared: [Gate.Metric]) {
        func distinct(_ scores: [Score]) -> [Gate.Metric] {
            scores.reduce(into: []) { if !$0.contains($1.metric) { $0.append($1.metric) } }
        }
        return (distinct(models.flatMap(\.scores)), distinct(models.flatMap(\.comparisons)))
    }
}
