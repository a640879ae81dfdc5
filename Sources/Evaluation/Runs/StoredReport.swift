public import Files
import Foundation

/// What is read of a `report.json`, of any task and schema.
public struct StoredReport: Sendable {
    public struct Model: Sendable, Decodable {
        public var name: String
        var path: String?
        public var parameters: Int
        public var bytes: Int?
        public var latencyMs: LatencySummary?
        /// With their intervals where the report has them.
        public var metrics: [String: Estimate]

        private enum CodingKeys: String, CodingKey { case name, path, parameters, bytes, latencyMs, metrics }

        /// A number alone, or with its interval.
        private struct Metric: Decodable {
            var estimate: Estimate

            init(from decoder: any Decoder) throws {
                if let number = try? decoder.singleValueContainer().decode(Double.self) {
                    estimate = Estimate(value: number, low: number, high: number)
                } else {
                    estimate = try Estimate(from: decoder)
                }
            }
        }

        public init(from decoder: any Decoder) throws {
            let object = try decoder.container(keyedBy: CodingKeys.self)
            name = try object.decode(String.self, forKey: .name)
            path = try object.decodeIfPresent(String.self, forKey: .path)
            parameters = try object.decode(Int.self, forKey: .parameters)
            bytes = try object.decodeIfPresent(Int.self, forKey: .bytes)
            latencyMs = try object.decodeIfPresent(LatencySummary.self, forKey: .latencyMs)
            metrics = try object.decode([String: Metric].self, forKey: .metrics).mapValues(\.estimate)
            // A classifier's report has the ends of the accuracy's interval beside it.
            if let low = metrics.removeValue(forKey: "accuracy_low"),
                let high = metrics.removeValue(forKey: "accuracy_high")
            {
                metrics["accuracy"]?.low = low.value
                metrics["accuracy"]?.high = high.value
            }
        }
    }

    private struct Document: Decodable {
        var schema: Int
        var task: String?
        var recipe: String
        var reference: String
        var subject: String
        var passed: Bool
        var gates: [GateOutcome]
        var models: [String: Model]
        var digests: [RunRecord.Fact]
        var pairs: [Pair]
    }

    struct Pair: Decodable, Sendable {
        var a: String
        var b: String
        var agreement: Double?
        var accuracyDifference: Estimate?
        /// Of schema 2, which has the agreement among them.
        var metrics: [String: Estimate]?
    }

    /// The directory that holds it, as it was given.
    public let path: String
    public let task: String
    public let recipe: String
    public let reference: String
    public let subject: String
    public let passed: Bool
    public let gates: [GateOutcome]
    public let models: [String: Model]
    /// SHA-256 of what the models were judged on, by file.
    public let digests: [RunRecord.Fact]
    let pairs: [Pair]

    private static let remedy = "make it anew: `retort resume` or `retort eval`"

    /// Reads `report/report.json` of a run, or `report.json` of a directory.
    ///
    /// - Throws: `InputError` where there is none, or it cannot be read.
    public init(of directory: String) throws(InputError) {
        let places = ["report/report.json", "report.json"].map {
            URL(fileURLWithPath: directory, isDirectory: true).appendingPathComponent($0)
        }
        guard let file = places.first(where: { FileManager.default.fileExists(atPath: $0.path) }) else {
            throw InputError(
                file: directory, problem: "holds no report.json",
                remedy: "give finished runs, or directories that `retort eval --output` wrote")
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            let document = try decoder.decode(Document.self, from: Data(contentsOf: file))
            guard (1...2).contains(document.schema) else {
                throw InputError(
                    file: file.path, field: "schema", problem: "is \(document.schema); expected 1 or 2",
                    remedy: "read it with the version of retort that wrote it")
            }
            path = directory
            task = document.task ?? "classification"
            (recipe, passed, gates) = (document.recipe, document.passed, document.gates)
            // Recorded answers are models, not data.
            let answers = Set(document.models.values.compactMap(\.path))
            digests = document.digests.filter { !answers.contains($0.name) }
            (reference, subject) = (document.reference, document.subject)
            var (models, pairs) = (document.models, document.pairs)
            for (index, pair) in pairs.enumerated() {
                pairs[index].agreement = pair.agreement ?? pair.metrics?["agreement"]?.value
                guard pair.a == reference, pair.b == subject else { continue }
                // What a model is judged by against another one is told of it.
                for (name, estimate) in pair.metrics ?? [:] where name != "agreement" {
                    models[subject]?.metrics[name] = estimate
                }
            }
            (self.models, self.pairs) = (models, pairs)
        } catch let error as InputError {
            throw error
        } catch {
            throw InputError(
                file: file.path, problem: "is no report that can be read: \(error.systemReason)",
                remedy: Self.remedy)
        }
        if let (field, problem) = models.sorted(by: { $0.key < $1.key }).firstNonNil({ key, model in
            model.fault.map { ("models.\(key).\($0.field)", $0.problem) }
        }) {
            throw InputError(file: file.path, field: field, problem: problem, remedy: Self.remedy)
        }
        guard models[subject] != nil, models[reference] != nil else {
            throw InputError(file: file.path, field: "models", problem: "lacks \(subject) or \(reference)")
        }
    }
}

extension StoredReport.Model {
    /// What no model can have, and charts cannot show.
    fileprivate var fault: (field: String, problem: String)? {
        if name.isEmpty { return ("name", "is empty") }
        if parameters < 0 { return ("parameters", "is \(parameters); expected 0 or more") }
        if let bytes, bytes < 0 { return ("bytes", "is \(bytes); expected 0 or more") }
        if let latencyMs, !latencyMs.isPlausible || latencyMs.p99 > 1e12 {
            return (
                "latency_ms",
                "p50 \(latencyMs.p50), p90 \(latencyMs.p90), p99 \(latencyMs.p99); expected 0 < p50 ≤ p90 ≤ p99"
            )
        }
        for (name, estimate) in metrics.sorted(by: { $0.key < $1.key }) {
            let range = Gate.Metric(rawValue: name)?.range ?? -1e15...1e15
            let (low, high) = (max(range.lowerBound, -1e15), min(range.upperBound, 1e15))
            // Rounding may leave the range by a little.
            let slack = 1e-9 * max(1, high - low < 1e3 ? high - low : 1)
            for value in [estimate.value, estimate.low, estimate.high]
            where !(low - slack...high + slack).contains(value) {
                return ("metrics.\(name)", "is \(value); expected \(low) to \(high)")
            }
            if estimate.low > estimate.high {
                return ("metrics.\(name)", "has an interval from \(estimate.low) to \(estimate.high)")
            }
        }
        return nil
    }
}

extension Sequence {
    /// The first that `transform` makes something of.
    fileprivate func firstNonNil<Value>(_ transform: (Element) -> Value?) -> Value? {
        for element in self { if let value = transform(element) { return value } }
        return nil
    }
}
