import Evaluation
import Foundation
import Testing

@Suite("The pages of compare and cascade")
struct ProofPageTests {
    private let attack = "<script>alert(1)</script>"

    private func expectSelfContained(_ html: String) {
        for forbidden in ["://", "src=", "<script", "href=", "url(", "@import", "<link", "<img", "<iframe"] {
            #expect(!html.contains(forbidden), "\(forbidden)")
        }
        #expect(html.contains("prefers-color-scheme: dark") && html.contains("role=\"img\" aria-label="))
    }

    @Test("compare's says what compare.json says, and markup in answers stays text")
    func migration() throws {
        let rows = (0..<20).map { row in
            MigrationRow(
                id: "r\(row)", owner: attack, priority: row < 5 ? "high" : "low", prompt: attack, expected: "right",
                threshold: 0.8, old: .init(text: "right", promptTokens: 5, completionTokens: 5, cost: 2),
                new: .init(text: row == 2 ? attack : "right", promptTokens: 4, completionTokens: 5, cost: 1),
                similarity: nil, checksJSON: false)
        }
        let gates = try ["pass_rate >= 0.9", "high: regressions <= 0"].map { text in try MigrationGate(text) }
        let migration = try Migration(
            old: "old.jsonl", new: "new.jsonl", rows: rows, gates: gates, strict: false, checksJSON: false,
            digests: [.init("old.jsonl", "9f86d081")], commands: ["retort compare"])
        let html = try migration.html()
        expectSelfContained(html)
        #expect(html.contains("The new version fails 1 of 2 gates.") && html.contains("<h3>Priority</h3>"))
        let object = try #require(JSONSerialization.jsonObject(with: migration.json()) as? [String: Any])
        let all = try #require(object["all"] as? [String: Any])
        let rate = try #require(((all["new"] as? [String: Any])?["pass_rate"] as? [String: Double])?["value"])
        #expect(html.contains(String(format: "passes %.1f%%, the old one 100.0%%", rate * 100)))
        #expect(html.contains("<th scope=\"row\">cost</th><td>40.0</td><td>20.0</td><td>−50.0%</td>"))
        #expect(html.contains("r2, high, &lt;script&gt;") && html.contains("9f86d081"))
    }

    @Test("cascade's draws a curve for each measure, and says the best one's numbers")
    func cascade() throws {
        let labels = (0..<400).map { $0 % 2 }
        let logits = labels.enumerated().flatMap { row, label -> [Float] in
            let margin = Float(row % 40) / 10 - 0.5
            return label == 0 ? [margin, 0] : [0, margin]
        }
        let cascade = Cascade(
            student: logits, teacherLabels: labels, labels: labels, classes: 2, calibration: Array(0..<200),
            relativeCost: 0.1)
        let html = try cascade.html(
            student: attack, teacher: "teacher.jsonl", costFrom: "as given", digests: [], commands: ["retort cascade"])
        expectSelfContained(html)
        #expect(html.components(separatedBy: "<polyline").count == 1 + cascade.measures.count)
        let best = try #require(cascade.measures.first { $0.measure == cascade.best }?.targets.last)
        let saved = String(format: "%.1f%% saved at %.1f%%", best.point.savings * 100, best.reached * 100)
        #expect(html.contains(saved), "\(saved)")
        #expect(html.contains(Cascade.pageTitle))
    }
}
