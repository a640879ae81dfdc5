import Evaluation
import Files
import Foundation
import Testing

@Suite("The report of numbers")
struct ScoreReportTests {
    private func model(_ key: String, _ perplexity: Double, kl: Double? = nil, name: String? = nil) -> ScoreReport.Model
    {
        ScoreReport.Model(
            key: key, name: name ?? key.capitalized, path: "models/\(key)", parameters: 1_234_567,
            bytes: key == "untrained" ? nil : 4_938_268,
            scores: [.init(.perplexity, Estimate(value: perplexity, low: perplexity - 1, high: perplexity + 1))],
            comparisons: kl.map { [.init(.klMean, Estimate(value: $0, low: $0, high: $0))] } ?? [])
    }

    private func report(
        _ models: [ScoreReport.Model], gates: [(String, String)] = [], record: RunRecord = Fixture.record
    ) throws -> ScoreReport {
        try ScoreReport(
            task: "language-model", record: record, data: "10 windows", models: models,
            gates: gates.map {
                try Gate(
                    metric: $0.0, expression: $0.1, models: models.map(\.key), metrics: [.perplexity, .klMean])
            }, reference: "teacher")
    }

    @Test("gates are about the last model, against numbers and other models")
    func gates() throws {
        let models = [model("teacher", 20), model("labels_only", 30, kl: 0.4), model("student", 25, kl: 0.2)]
        let found = try report(
            models,
            gates: [
                ("perplexity", "<= labels_only"), ("perplexity", "<= 1.2*teacher"), ("kl_mean", "<= 0.25"),
            ])
        #expect(found.gates.map(\.passed) == [true, false, true] && !found.passed)
        #expect(found.gates.map(\.value) == [25, 25, 0.2])
        let error = #expect(throws: InputErrors.self) {
            try report([model("teacher", 20), model("student", 25)], gates: [("kl_mean", "<= 0.25")])
        }
        #expect(error?.errors.first?.field == "gates.kl_mean")
        #expect(throws: InputErrors.self) { try report(models, gates: [("perplexity", "<= 2*student")]) }
    }

    @Test("a number that is none is an error with the model's path")
    func notFinite() throws {
        let error = #expect(throws: InputErrors.self) { try report([model("teacher", .nan)]) }
        #expect(error?.errors.first?.file == "models/teacher" && error?.errors.first?.field == "perplexity")
    }

    @Test("its table has a column per number, aligned")
    func table() throws {
        let models = [model("teacher", 20), model("untrained", 3000, kl: 5), model("student", 25, kl: 0.25)]
        let lines = try report(models).table().split(separator: "\n").map(String.init)
        #expect(Set(lines.map(\.count)).count == 1)
        #expect(lines[0].contains("Perplexity") && lines[0].hasSuffix("Mean KL"))
        #expect(lines[2].hasSuffix("–") && lines[4].hasSuffix("0.2500") && lines[4].contains("25.00 (24.00–26.00)"))
        #expect(lines[3].contains("1,234,567") && lines[3].contains("–"))
    }

    @Test("its JSON holds every number, and its page is one file in which markup stays text")
    func documents() throws {
        let models = [model("teacher", 20), model("student", 25, kl: 0.25, name: "<script>{{recipe}}")]
        let found = try report(models, gates: [("perplexity", "<= 30")])
        let object = try JSONSerialization.jsonObject(with: found.json()) as? [String: Any]
        let students =
            (object?["models"] as? [String: [String: Any]])?["student"]?["metrics"] as? [String: [String: Double]]
        #expect(students?["perplexity"] == ["value": 25, "low": 24, "high": 26])
        #expect((object?["pairs"] as? [[String: Any]])?.count == 1 && object?["passed"] as? Bool == true)
        #expect(object?["schema"] as? Int == 2 && (object?["learning_curves"] as? [Any])?.isEmpty == false)
        let html = try found.html()
        for forbidden in ["<script", "src=", "href=", "://", "@import", "url("] {
            #expect(!html.lowercased().contains(forbidden), "\(forbidden)")
        }
        #expect(html.contains("&lt;script&gt;{{recipe}}") && html.contains("<svg") && html.contains("✓ passed"))
    }
}
