public import Foundation

extension ScoreReport {
    /// One row with what the models answered.
    public struct Sample: Sendable, Encodable {
        public var id: String
        public var text: String
        /// What was expected, where the rows say it.
        public var expected: String?
        /// By model's key, as text.
        public var answers: [String: String]
        /// By model's key; lower is better.
        public var errors: [String: Double]

        public init(
            id: String, text: String, expected: String?, answers: [String: String], errors: [String: Double]
        ) {
            self.id = id
            self.text = text
            self.expected = expected
            self.answers = answers
            self.errors = errors
        }
    }

    /// `samples.jsonl`: one object per row, in data order: `{"answers", "errors", "expected", "id", "text"}`.
    public func samplesFile() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try samples.reduce(into: Data()) { $0 += try encoder.encode($1) + Data("\n".utf8) }
    }

    /// Rows on which the subject's error is larger than the reference's, or without a reference above 0; the most so first.
    public var failingSamples: [Sample] {
        func excess(_ sample: Sample) -> Double {
            (sample.errors[subject] ?? 0) - (subject == reference ? 0 : sample.errors[reference] ?? 0)
        }
        return samples.filter { excess($0) > 0 }.sorted { (-excess($0), $0.id) < (-excess($1), $1.id) }
    }

    func worstSamples(limit: Int) -> [Sample] { Array(failingSamples.prefix(limit)) }
}
